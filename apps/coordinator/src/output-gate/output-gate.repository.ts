import { Injectable } from '@nestjs/common';
import type { Sql } from '@understudy/db';
import { TemplateVault } from '../sealing/template-vault.js';
import { templateOf } from '../stages/plan/template.js';
import { gateNote, type HeldFor } from './gate-note.js';
import type { ExpectedMember, KnownFace, ReadFace } from './judge-output.js';
import type { AskedFace } from './unread-faces.js';

interface Stored {
  readonly performerId: string;
  readonly projectId: string;
  readonly recogniser: string;
  readonly template: Uint8Array;
}

/** A face that was asked for, and whether who rendered it answered, because nobody else was there. */
export interface AnsweredFace extends AskedFace {
  readonly byRenderer: boolean;
}

interface Check extends AnsweredFace {
  readonly state: string;
  readonly projectId: string;
  readonly template: Uint8Array | null;
}

/** Faces that decide about an output: those that were read in it, and those that are known. */
@Injectable()
export class OutputGateRepository {
  constructor(private readonly vault: TemplateVault) {}

  /** @returns null while a face is still to be read, `gone` where none was asked for, or they were forgotten */
  async read(
    sql: Sql,
    shotVersionId: string,
  ): Promise<{ asked: readonly AnsweredFace[]; faces: ReadFace[] } | 'gone' | null> {
    const rows = await sql.query<Check>(
      `SELECT k.frame, k.track, k."cast", k.clear, f.state::text AS state, i.project_id AS "projectId", f.recogniser,
              f.template, f.error_code AS "errorCode",
              EXISTS (SELECT 1 FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.epoch = t.epoch
                        JOIN lanes l ON l.id = a.lane_id
                       WHERE t.id = f.task_id AND l.worker_id = ANY (t.avoid_workers)) AS "byRenderer"
         FROM output_checks k JOIN assets i ON i.id = k.asset_id JOIN face_templates f ON f.asset_id = k.asset_id
        WHERE k.shot_version_id = $1 ORDER BY k.frame, k.track`,
      [shotVersionId],
    );
    if (rows.length === 0) return 'gone';
    if (rows.some(({ state }) => state === 'pending')) return null;
    const faces = rows.flatMap(({ frame, track, cast, projectId, recogniser, template }) =>
      recogniser === null || template === null
        ? []
        : [{ frame, track, cast, recogniser, template: templateOf(this.vault.open(projectId, template)) }],
    );
    return { asked: rows, faces };
  }

  /** For which faces earlier versions of the shot were held and never found in order: what is taken over of them is looked at again. */
  async heldBefore(sql: Sql, shotVersionId: string): Promise<HeldFor> {
    const rows = await sql.query<{ verification: Record<string, unknown> }>(
      `SELECT d.verification FROM shot_versions v JOIN shot_versions e ON e.shot_id = v.shot_id AND e.version < v.version
         JOIN deliveries d ON d.shot_version_id = e.id
        WHERE v.id = $1 AND d.verification IS NOT NULL ORDER BY e.version`,
      [shotVersionId],
    );
    // That a face could not be read there was let pass by nobody for this version.
    return rows.flatMap(({ verification }) =>
      gateNote(verification).heldFor.filter(({ reason }) => reason !== 'NOT_READ'),
    );
  }

  /** Every face that an activated consent of the shot's project binds. */
  async enrolled(sql: Sql, projectId: string): Promise<KnownFace[]> {
    const rows = await sql.query<Stored>(
      `SELECT f.performer_id AS "performerId", p.project_id AS "projectId", f.recogniser, f.template
         FROM performer_faces f JOIN performers p ON p.id = f.performer_id JOIN consents c ON c.id = f.consent_id
        WHERE p.project_id = $1 AND c.state IN ('active', 'suspended')`,
      [projectId],
    );
    return rows.map((row) => this.#known(row));
  }

  /** Each member's two sides: their images' faces, and those that are enrolled. */
  async members(sql: Sql, shotVersionId: string, enrolled: readonly KnownFace[]): Promise<ExpectedMember[]> {
    const rows = await sql.query<{ cast: number; identityPerformerId: string; platePerformerId: string }>(
      `SELECT m."cast", m.identity_performer_id AS "identityPerformerId", m.plate_performer_id AS "platePerformerId"
         FROM cast_members m WHERE m.shot_version_id = $1 ORDER BY m."cast"`,
      [shotVersionId],
    );
    const images = await sql.query<Stored & { cast: number; side: 'identity' | 'plate' }>(
      `SELECT m."cast", CASE WHEN f.asset_id = ANY (m.identity_asset_ids) THEN 'identity' ELSE 'plate' END AS side,
              CASE WHEN f.asset_id = ANY (m.identity_asset_ids) THEN m.identity_performer_id ELSE m.plate_performer_id END AS "performerId",
              i.project_id AS "projectId", f.recogniser, f.template
         FROM cast_members m JOIN face_templates f ON f.asset_id = ANY (m.identity_asset_ids || m.plate_reference_asset_ids)
         JOIN assets i ON i.id = f.asset_id
        WHERE m.shot_version_id = $1 AND f.template IS NOT NULL AND f.recogniser IS NOT NULL`,
      [shotVersionId],
    );
    return rows.map(({ cast, identityPerformerId, platePerformerId }) => {
      const side = (of: 'identity' | 'plate', performerId: string): KnownFace[] => [
        ...images.filter((image) => image.cast === cast && image.side === of).map((image) => this.#known(image)),
        ...enrolled.filter((known) => known.performerId === performerId),
      ];
      return { cast, identity: side('identity', identityPerformerId), plate: side('plate', platePerformerId) };
    });
  }

  #known({ performerId, projectId, recogniser, template }: Stored): KnownFace {
    return { performerId, recogniser, template: templateOf(this.vault.open(projectId, template)) };
  }
}
