import { Injectable } from '@nestjs/common';
import { type ConsentParty, UnderstudyError } from '@understudy/contracts';
import type { Tx } from '@understudy/db';
import { decodeEmbedding } from '@understudy/face/track';
import { AuditWriter } from '../audit/audit-writer.js';
import { type EnrolledFace, type FaceConflict, findFaceConflict } from './face-match.js';
import { type KnownFaceRow, PerformerRepository } from './performer.repository.js';

/** How far from 1 the length of a template may be. */
const LENGTH_TOLERANCE = 0.01;

function readFaces(party: ConsentParty): EnrolledFace[] {
  return party.faces.map(({ sha256, template, recogniser }) => {
    const embedding = decodeEmbedding(template);
    const length = Math.hypot(...embedding);
    // Also false for a length that is no number.
    if (!(Math.abs(length - 1) <= LENGTH_TOLERANCE)) {
      throw new UnderstudyError('CONSENT_DOCUMENT_INVALID', 'A face template of the document is not of unit length.');
    }
    return { performer: party.performer, sha256, recogniser, embedding };
  });
}

function refusal({ kind, sha256, performer }: FaceConflict): UnderstudyError {
  const details = { conflict: kind, image: sha256 };
  if (kind === 'not-this-performer') {
    const message =
      'The images given for one performer, or enrolled before, show different people; use one person per name.';
    return new UnderstudyError('IDENTITY_MISMATCH', message, { details });
  }
  const message =
    `This face is enrolled in the project as ${performer}: one person has one name. Use that name, ` +
    'or have two people find out which of the two is wrong.';
  return new UnderstudyError('IDENTITY_MISMATCH', message, { details });
}

export interface BoundConsent {
  readonly id: string;
  readonly projectId: string;
  readonly performerId: string;
}

/** Binds faces to performers: one face, one name in a project. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly performers: PerformerRepository,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * Finds or makes the performer of each party. A face that only waits for its consent's review keeps its name from being
   * given to somebody else, and counts for nothing more.
   *
   * @returns the performers' ids, in the order of the parties
   * @throws UnderstudyError IDENTITY_MISMATCH, CONSENT_DOCUMENT_INVALID
   */
  async performersOf(tx: Tx, actor: string, projectId: string, parties: readonly ConsentParty[]): Promise<string[]> {
    await this.performers.lockProject(tx, projectId);
    const known = await this.performers.facesOfProject(tx, projectId, 'live');
    await this.requireComparable(tx, parties.flatMap(readFaces), known.map(asEnrolled));
    const ids: string[] = [];
    for (const party of parties) ids.push(await this.performerOf(tx, actor, projectId, party.performer));
    return ids;
  }

  /** Keeps the faces of a party with its consent; they count once that was activated. */
  async bind(tx: Tx, actor: string, consent: BoundConsent, party: ConsentParty): Promise<void> {
    if (party.faces.length === 0) return;
    const { id: consentId, projectId, performerId } = consent;
    const faces = party.faces.map(({ sha256, template, recogniser }) => ({
      performerId,
      consentId,
      imageSha256: sha256,
      template: new Uint8Array(Buffer.from(template, 'base64')),
      recogniser,
    }));
    await this.performers.addFaces(tx, projectId, faces);
    await this.audit.append(tx, {
      actor,
      action: 'performer.faces_added',
      subjectType: 'Performer',
      subjectId: performerId,
      projectId,
      data: { consentId, images: faces.map((face) => face.imageSha256) },
    });
  }

  /**
   * Before a consent's faces count: they are compared with those that count already. Whoever calls it holds the project.
   *
   * @throws UnderstudyError IDENTITY_MISMATCH, CONSENT_DOCUMENT_INVALID
   */
  async requireSound(tx: Tx, { id, projectId }: BoundConsent): Promise<void> {
    const live = await this.performers.facesOfProject(tx, projectId, 'live');
    const activated = await this.performers.facesOfProject(tx, projectId, 'activated');
    const own = live.filter(({ consentId }) => consentId === id);
    const others = activated.filter(({ consentId }) => consentId !== id);
    await this.requireComparable(tx, own.map(asEnrolled), others.map(asEnrolled));
  }

  private async requireComparable(
    tx: Tx,
    news: readonly EnrolledFace[],
    known: readonly EnrolledFace[],
  ): Promise<void> {
    requireRecogniser(news, known, await this.performers.recognisersOfLanes(tx));
    requireNoConflict(news, known);
  }

  private async performerOf(tx: Tx, actor: string, projectId: string, name: string): Promise<string> {
    const known = await this.performers.byName(tx, projectId, name);
    if (known !== null) return known.id;
    const { id } = await this.performers.create(tx, projectId, name);
    const subject = { subjectType: 'Performer', subjectId: id, projectId };
    await this.audit.append(tx, { actor, action: 'performer.enrolled', ...subject, data: {} });
    return id;
  }
}

/**
 * Two models' numbers cannot be compared: another recogniser, or another word for it, would switch the search for the same
 * face off, here and wherever a lane reads a face.
 */
function requireRecogniser(
  news: readonly EnrolledFace[],
  known: readonly EnrolledFace[],
  ofLanes: readonly string[],
): void {
  const strange = news.find(
    ({ recogniser }) =>
      (ofLanes.length > 0 && !ofLanes.includes(recogniser)) || known.some((face) => face.recogniser !== recogniser),
  );
  if (strange === undefined) return;
  const used = [...new Set([...ofLanes, ...known.map(({ recogniser }) => recogniser)])];
  throw new UnderstudyError(
    'CONSENT_DOCUMENT_INVALID',
    'A face of the document was read by another recogniser than this project and its lanes use, so nothing tells whose ' +
      'it is; read the images with that one and make the document anew.',
    { details: { image: strange.sha256, recogniser: strange.recogniser, used } },
  );
}

function requireNoConflict(news: readonly EnrolledFace[], known: readonly EnrolledFace[]): void {
  const conflict = findFaceConflict(news, known);
  if (conflict !== null) throw refusal(conflict);
}

function asEnrolled(row: KnownFaceRow): EnrolledFace {
  const { performer, imageSha256, recogniser, opened } = row;
  const embedding = decodeEmbedding(Buffer.from(opened).toString('base64'));
  return { performer: performer.name, sha256: imageSha256, recogniser, embedding };
}
