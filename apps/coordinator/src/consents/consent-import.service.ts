import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  canonicalJson,
  type ConsentDocument,
  type ConsentParty,
  type RouteOutput,
  UnderstudyError,
} from '@understudy/contracts';
import type { Database, Tx } from '@understudy/db';
import { consentAfter, noticeElapsesAt } from '@understudy/policy';
import { sha256Of } from '@understudy/tlog';
import type { Actor } from '../access/actor.js';
import { requireOn } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { EnrolmentService } from '../performers/enrolment.service.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { type Admission, admit } from './admission.js';
import { ConsentRepository, type ConsentRow, consentView } from './consent.repository.js';
import { checkDocument, lineageOf } from './consent-document.js';

interface Import {
  readonly actor: Actor;
  readonly projectId: string;
  readonly document: ConsentDocument;
  readonly documentSha256: string;
  readonly admission: Admission;
}

/** Brings consent documents in: one consent for each party. */
@Injectable()
export class ConsentImportService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly consents: ConsentRepository,
    private readonly enrolment: EnrolmentService,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * Importing the same document again gives the same consents.
   *
   * @throws UnderstudyError CONSENT_DOCUMENT_INVALID, CONSENT_OUT_OF_SCOPE, CONSENT_EXPIRED, CONSENT_LEVEL_TOO_LOW,
   * IDENTITY_MISMATCH, CONFLICT when a newer version, or another performer's, is here already, CONSENT_REVOKED when this very document was revoked
   */
  async import(actor: Actor, projectId: string, document: ConsentDocument): Promise<RouteOutput<'importConsent'>> {
    requireOn(actor, 'create', 'Consent', { projectId });
    const documentSha256 = checkDocument(document);
    return this.database.transaction(async (tx) => {
      const project = await this.consents.project(tx, projectId);
      const admission = admit(document.statement, project, this.clock.now());
      const performerIds = await this.enrolment.performersOf(tx, actor.label, projectId, document.statement.parties);
      const rows: ConsentRow[] = [];
      for (const [index, party] of document.statement.parties.entries()) {
        const performerId = performerIds[index] ?? '';
        rows.push(
          await this.importParty(tx, { actor, projectId, document, documentSha256, admission }, party, performerId),
        );
      }
      return { consents: rows.map(consentView), waivers: [...new Set(rows.flatMap((row) => row.waivers))] };
    });
  }

  private async importParty(tx: Tx, given: Import, party: ConsentParty, performerId: string): Promise<ConsentRow> {
    const { actor, projectId, document, documentSha256, admission } = given;
    const { statement } = document;
    const lineageId = lineageOf(projectId, statement.id, party.role);
    const [newest] = await this.consents.versions(tx, lineageId);
    if (newest?.documentSha256 === documentSha256) return this.known(newest);
    this.requireNewer(newest, performerId, document);
    const row = await this.consents.create(tx, {
      id: randomUUID(),
      lineageId,
      version: (newest?.version ?? 0) + 1,
      projectId,
      performerId,
      role: party.role,
      state: admission.state,
      level: admission.level,
      scope: statement.scope,
      document: withoutTemplates(document),
      documentSha256,
      validFrom: new Date(statement.scope.validFrom),
      validUntil: new Date(statement.scope.validUntil),
      requestedBy: actor.id,
      activatedBy: admission.state === 'active' ? actor.id : null,
      waivers: [...admission.waivers],
      noticeElapsesAt:
        party.notice === undefined || admission.waivers.includes('notice') ? null : noticeElapsesAt(party.notice),
      protection: party.protection?.kind ?? null,
    });
    await this.note(tx, actor, row);
    await this.enrolment.bind(tx, actor.label, row, party);
    return row;
  }

  private known(row: ConsentRow): ConsentRow {
    if (consentAfter(row.state, 'supersede') !== null) return row;
    const code = row.state === 'revoked' ? 'CONSENT_REVOKED' : 'CONSENT_NOT_ACTIVE';
    throw new UnderstudyError(
      code,
      `This document was imported before and is ${row.state} for good; a new one is needed.`,
    );
  }

  /** An older document must not bring back what a newer one took away, nor one performer's end what another agreed to. */
  private requireNewer(newest: ConsentRow | undefined, performerId: string, { statement }: ConsentDocument): void {
    if (newest === undefined) return;
    if (newest.performerId !== performerId) {
      throw new UnderstudyError(
        'CONFLICT',
        `The consent of this id is ${newest.performer.name}'s; another performer's needs an id of its own.`,
        { details: { consentId: newest.id, performer: newest.performer.name } },
      );
    }
    const known = newest.document as ConsentDocument;
    if (Date.parse(statement.issuedAt) > Date.parse(known.statement.issuedAt)) return;
    throw new UnderstudyError(
      'CONFLICT',
      'A version of this consent that was issued later, or then, is here already.',
      {
        details: { consentId: newest.id, issuedAt: known.statement.issuedAt },
      },
    );
  }

  private async note(tx: Tx, actor: Actor, row: ConsentRow): Promise<void> {
    const { id, projectId, version, role, level, documentSha256, performerId, waivers } = row;
    const event = { actor: actor.label, subjectType: 'Consent', subjectId: id, projectId };
    const scopeSha256 = sha256Of(canonicalJson(row.scope));
    const data = { version, role, level, documentSha256, performerId, scopeSha256, state: row.state };
    await this.audit.append(tx, { ...event, action: 'consent.imported', data });
    if (row.state !== 'active') return;
    for (const waiver of waivers) {
      await this.audit.append(tx, { ...event, action: 'consent.waived', data: { waiver, profile: 'local' } });
    }
    const superseded = await this.consents.supersede(tx, row);
    await this.audit.append(tx, { ...event, action: 'consent.activated', data: { waivers, superseded } });
  }
}

/** The document as people read it. Its templates are kept with the faces alone, sealed, and end with them. */
function withoutTemplates({ statement, attestation }: ConsentDocument) {
  const parties = statement.parties.map((party) => ({
    ...party,
    faces: party.faces.map(({ sha256, recogniser }) => ({ sha256, recogniser })),
  }));
  return { statement: { ...statement, parties }, attestation };
}
