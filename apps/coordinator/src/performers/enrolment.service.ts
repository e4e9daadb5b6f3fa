import { Injectable } from '@nestjs/common';
import { type ConsentParty, UnderstudyError } from '@understudy/contracts';
import type { Tx } from '@understudy/db';
import { decodeEmbedding } from '@understudy/face/track';
import { AuditWriter } from '../audit/audit-writer.js';
import { type EnrolledFace, type FaceConflict, findFaceConflict } from './face-match.js';
import { PerformerRepository } from './performer.repository.js';

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

/** Binds faces to performers: one face, one name in a project. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly performers: PerformerRepository,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * Finds or makes the performer of each party and enrols the faces that are new.
   *
   * @returns the performers' ids, in the order of the parties
   * @throws UnderstudyError IDENTITY_MISMATCH, CONSENT_DOCUMENT_INVALID
   */
  async enrol(tx: Tx, actor: string, projectId: string, parties: readonly ConsentParty[]): Promise<string[]> {
    await this.performers.lockProject(tx, projectId);
    const enrolled = (await this.performers.facesOfProject(tx, projectId)).map((row) => ({
      performer: row.performer.name,
      sha256: row.imageSha256,
      recogniser: row.recogniser,
      embedding: decodeEmbedding(Buffer.from(row.opened).toString('base64')),
    }));
    const conflict = findFaceConflict(parties.flatMap(readFaces), enrolled);
    if (conflict !== null) throw refusal(conflict);
    const ids: string[] = [];
    for (const party of parties) ids.push(await this.enrolParty(tx, actor, projectId, party, enrolled));
    return ids;
  }

  private async enrolParty(
    tx: Tx,
    actor: string,
    projectId: string,
    party: ConsentParty,
    enrolled: readonly EnrolledFace[],
  ): Promise<string> {
    const known = await this.performers.byName(tx, projectId, party.performer);
    const { id } = known ?? (await this.performers.create(tx, projectId, party.performer));
    const old = new Set(enrolled.filter((face) => face.performer === party.performer).map((face) => face.sha256));
    const news = party.faces.filter((face) => !old.has(face.sha256));
    const faces = news.map(({ sha256, template, recogniser }) => ({
      performerId: id,
      imageSha256: sha256,
      template: new Uint8Array(Buffer.from(template, 'base64')),
      recogniser,
    }));
    await this.performers.addFaces(tx, projectId, faces);
    if (known === null || faces.length > 0) {
      await this.audit.append(tx, {
        actor,
        action: known === null ? 'performer.enrolled' : 'performer.faces_added',
        subjectType: 'Performer',
        subjectId: id,
        projectId,
        data: { images: faces.map((face) => face.imageSha256) },
      });
    }
    return id;
  }
}
