import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { TemplateVault } from '../../sealing/template-vault.js';
import type { AnalysisTrack } from '../analysis.repository.js';
import type { PlanTrack } from './match-cast.js';
import { type Template, templateOf } from './template.js';

interface AssetTemplate {
  readonly assetId: string;
  readonly template: Template;
}

/** A track with its template as numbers. */
export function asPlanTrack({ track, startFrame, endFrame, template }: AnalysisTrack): PlanTrack {
  return { track, startFrame, endFrame, template: template === null ? null : templateOf(template) };
}

/** What the plan reads of faces, and of how fast lanes are. */
@Injectable()
export class PlanRepository {
  constructor(private readonly vault: TemplateVault) {}

  /**
   * Templates of image assets, in the order asked for.
   *
   * @throws UnderstudyError the template's own code when it failed; CONFLICT when it was never read, or not yet
   */
  async assetTemplates(sql: Sql, assetIds: readonly string[]): Promise<AssetTemplate[]> {
    const rows = await sql.query<{
      assetId: string;
      projectId: string;
      state: string;
      template: Uint8Array | null;
      errorCode: string | null;
      errorMessage: string | null;
    }>(
      `SELECT f.asset_id AS "assetId", i.project_id AS "projectId", f.state::text AS state, f.template,
              f.error_code AS "errorCode", f.error_message AS "errorMessage"
         FROM face_templates f JOIN assets i ON i.id = f.asset_id WHERE f.asset_id = ANY($1::uuid[])`,
      [assetIds],
    );
    const byId = new Map(rows.map((row) => [row.assetId, row]));
    return assetIds.map((assetId) => {
      const row = byId.get(assetId);
      if (row?.state === 'failed') {
        const message = row.errorMessage ?? 'The face of an image could not be read; give another image.';
        throw new UnderstudyError((row.errorCode ?? 'NO_FACE') as 'NO_FACE', message, { details: { assetId } });
      }
      if (row === undefined || row.template === null) {
        throw new UnderstudyError(
          'CONFLICT',
          'The face of an image is not read yet; ask for its template and wait for it.',
          {
            details: { assetId },
          },
        );
      }
      return { assetId, template: templateOf(this.vault.open(row.projectId, row.template)) };
    });
  }

  /** Templates of a performer's enrolled faces. */
  async enrolled(sql: Sql, performerId: string): Promise<Template[]> {
    const rows = await sql.query<{ projectId: string; template: Uint8Array }>(
      `SELECT p.project_id AS "projectId", f.template FROM performer_faces f JOIN performers p ON p.id = f.performer_id
        WHERE f.performer_id = $1 ORDER BY f.created_at, f.id`,
      [performerId],
    );
    return rows.map(({ projectId, template }) => templateOf(this.vault.open(projectId, template)));
  }

  async bindTracks(sql: Sql, shotVersionId: string, cast: number, tracks: readonly number[]): Promise<void> {
    await sql.query('UPDATE cast_members SET tracks = $3::int[] WHERE shot_version_id = $1 AND "cast" = $2', [
      shotVersionId,
      cast,
      tracks,
    ]);
  }

  /** Median frames a second of one lane over the newest rendered shards; null before there is any. */
  async laneFps(sql: Sql): Promise<number | null> {
    const [row] = await sql.query<{ fps: number | null }>(
      `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY newest.fps)::float8 AS fps FROM (
         SELECT (t.end_frame - t.start_frame) / greatest(extract(epoch FROM a.ended_at - a.leased_at), 0.1) AS fps
           FROM attempts a JOIN tasks t ON t.id = a.task_id
          WHERE a.state = 'accepted' AND t.kind = 'render' AND a.ended_at IS NOT NULL
          ORDER BY a.ended_at DESC LIMIT 32) AS newest`,
    );
    return row?.fps ?? null;
  }
}
