import { Inject, Injectable } from '@nestjs/common';
import { ConsentScope, type Consent as ConsentView, type ConsentState, UnderstudyError } from '@understudy/contracts';
import { createHash } from 'node:crypto';
import { alteredRows, type Database, type Prisma, RecordSeals, sealRows, type Tx } from '@understudy/db';
import type { Action } from '@understudy/policy';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

const WITH_PERFORMER = {
  performer: { select: { name: true } },
  signature: { select: { key: { select: { publicKey: true } } } },
} as const;
export type ConsentRow = Prisma.ConsentGetPayload<{ include: typeof WITH_PERFORMER }>;
export type NewConsent = Prisma.ConsentUncheckedCreateInput;

/** How people name a key to each other: SHA-256 of its raw bytes, hex. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex');
}

/** A consent as the API shows it: without its document, which holds face templates. */
export function consentView(row: ConsentRow): ConsentView {
  const { performer, signature, scope, createdAt, revokedAt, noticeElapsesAt, seal: _, ...rest } = row;
  return {
    ...rest,
    performer: performer.name,
    signedBy: signature === null ? null : fingerprintOf(signature.key.publicKey),
    scope: ConsentScope.parse(scope),
    createdAt: createdAt.toISOString(),
    revokedAt: revokedAt?.toISOString() ?? null,
    noticeElapsesAt: noticeElapsesAt?.toISOString() ?? null,
  };
}

@Injectable()
export class ConsentRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
  ) {}

  list(actor: Actor, { projectId, ...page }: PageQuery & { projectId?: string | undefined }) {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'Consent');
    const ofProject = projectId === undefined ? {} : { projectId };
    const args = { where: { AND: [mine, ofProject, where] }, include: WITH_PERFORMER, ...rest };
    return this.database.prisma.consent.findMany(args);
  }

  /** @throws UnderstudyError NOT_FOUND */
  async get(actor: Actor, consentId: string): Promise<ConsentRow> {
    const mine = accessibleTo(actor.ability, 'read', 'Consent');
    const row = await this.database.prisma.consent.findFirst({
      where: { AND: [mine, { id: consentId }] },
      include: WITH_PERFORMER,
    });
    if (row === null) throw notFound('consent');
    return row;
  }

  /** What the audit log says happened to it, in the log's order. */
  async events(consentId: string): Promise<{ id: string; at: string; action: string }[]> {
    const rows = await this.database.query<{ id: string; at: Date; action: string }>(
      `SELECT id, at, action FROM audit_events WHERE subject_type = 'Consent' AND subject_id = $1 ORDER BY sequence`,
      [consentId],
    );
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
  }

  /** How many versions of shots were made under it. */
  async uses(consentId: string): Promise<number> {
    const [row] = await this.database.query<{ uses: number }>(
      `SELECT count(DISTINCT shot_version_id)::int AS uses FROM cast_members
        WHERE $1::uuid IN (identity_consent_id, plate_consent_id)`,
      [consentId],
    );
    return row?.uses ?? 0;
  }

  /** Holds off whoever enrols faces into the consent's project, who locks it before any consent. */
  async lockProjectOf(tx: Tx, consentId: string): Promise<void> {
    await tx.query(
      'SELECT p.id FROM projects p JOIN consents c ON c.project_id = p.id WHERE c.id = $1::uuid FOR NO KEY UPDATE OF p',
      [consentId],
    );
  }

  project(tx: Tx, projectId: string) {
    return tx.prisma.project.findUniqueOrThrow({ where: { id: projectId } });
  }

  versions(tx: Tx, lineageId: string): Promise<ConsentRow[]> {
    return tx.prisma.consent.findMany({ where: { lineageId }, include: WITH_PERFORMER, orderBy: { version: 'desc' } });
  }

  async create(tx: Tx, data: NewConsent): Promise<ConsentRow> {
    const row = await tx.prisma.consent.create({ data, include: WITH_PERFORMER });
    await sealRows(tx, this.seals, 'consents', [row.id]);
    return row;
  }

  /**
   * Before anything is allowed on its word.
   *
   * @throws UnderstudyError RECORD_ALTERED for a consent that was changed past the service
   */
  async requireUnaltered(tx: Tx, consentId: string): Promise<void> {
    if ((await alteredRows(tx, this.seals, 'consents', [consentId])).length === 0) return;
    throw new UnderstudyError(
      'RECORD_ALTERED',
      'This consent was changed past the service; revoke it, and run audit verify, which says in what.',
    );
  }

  /**
   * The consent, if the actor may do this to it, held until the transaction ends.
   *
   * @throws UnderstudyError NOT_FOUND
   */
  async lock(tx: Tx, actor: Actor, action: Action, consentId: string): Promise<ConsentRow> {
    const mine = accessibleTo(actor.ability, action, 'Consent');
    await tx.query('SELECT id FROM consents WHERE id = $1::uuid FOR UPDATE', [consentId]);
    const row = await tx.prisma.consent.findFirst({
      where: { AND: [mine, { id: consentId }] },
      include: WITH_PERFORMER,
    });
    if (row === null) throw notFound('consent');
    return row;
  }

  /** @throws UnderstudyError NOT_FOUND for a consent of none of these performers */
  async getOwn(performerIds: readonly string[], consentId: string): Promise<ConsentRow> {
    const where = { id: consentId, performerId: { in: [...performerIds] } };
    const row = await this.database.prisma.consent.findFirst({ where, include: WITH_PERFORMER });
    if (row === null) throw notFound('consent');
    return row;
  }

  /**
   * The same for a performer's own.
   *
   * @throws UnderstudyError NOT_FOUND
   */
  async lockOwn(tx: Tx, performerIds: readonly string[], consentId: string): Promise<ConsentRow> {
    await tx.query('SELECT id FROM consents WHERE id = $1::uuid FOR UPDATE', [consentId]);
    const row = await tx.prisma.consent.findFirst({
      where: { id: consentId, performerId: { in: [...performerIds] } },
      include: WITH_PERFORMER,
    });
    if (row === null) throw notFound('consent');
    return row;
  }

  async update(tx: Tx, consentId: string, data: Prisma.ConsentUncheckedUpdateInput): Promise<ConsentRow> {
    return this.keepingSeals(tx, [consentId], () =>
      tx.prisma.consent.update({ where: { id: consentId }, data, include: WITH_PERFORMER }),
    );
  }

  /** Ends the other versions of a lineage that still could be used. @returns their ids */
  async supersede(tx: Tx, { lineageId, id }: { lineageId: string; id: string }): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM consents
        WHERE lineage_id = $1::uuid AND id <> $2::uuid AND state IN ('active', 'suspended', 'pending_review', 'pending_signature')
        ORDER BY id FOR UPDATE`,
      [lineageId, id],
    );
    const ids = rows.map((row) => row.id);
    const change = `UPDATE consents SET state = 'superseded', state_reason = 'a newer version' WHERE id = ANY ($1::uuid[])`;
    await this.keepingSeals(tx, ids, () => tx.query(change, [ids]));
    return ids;
  }

  /** Those whose time is over: expired when they were in use, lapsed when they never were. */
  async end(tx: Tx, now: Date): Promise<{ id: string; projectId: string; state: ConsentState }[]> {
    const over = await tx.query<{ id: string }>(
      `SELECT id FROM consents
        WHERE valid_until <= $1::timestamptz AND state IN ('active', 'suspended', 'pending_review', 'pending_signature', 'draft')
        ORDER BY id FOR UPDATE`,
      [now],
    );
    const ids = over.map(({ id }) => id);
    return this.keepingSeals(tx, ids, () =>
      tx.query(
        `UPDATE consents SET state_reason = 'its time is over',
           state = CASE WHEN state IN ('active', 'suspended') THEN 'expired' ELSE 'lapsed' END::consent_state
         WHERE id = ANY ($1::uuid[]) RETURNING id, project_id AS "projectId", state::text AS state`,
        [ids],
      ),
    );
  }

  /** Seals what was changed anew; a row that did not fit its seal before does not fit afterwards either. */
  private async keepingSeals<T>(tx: Tx, ids: readonly string[], change: () => Promise<T>): Promise<T> {
    const altered = new Set(await alteredRows(tx, this.seals, 'consents', ids));
    const changed = await change();
    const sound = ids.filter((id) => !altered.has(id));
    await sealRows(tx, this.seals, 'consents', sound);
    return changed;
  }
}
