import { Injectable } from '@nestjs/common';
import { type Recipe, UnderstudyError } from '@understudy/contracts';
import { RecordSeals, sealRows, type Sql } from '@understudy/db';
import { TemplateVault } from '../../sealing/template-vault.js';
import type { AnalysisTrack } from '../analysis.repository.js';
import type { PlanTrack } from './match-cast.js';
import { type Template, templateOf } from './template.js';

interface AssetTemplate {
  readonly assetId: string;
  readonly template: Template;
}

/** A track with its template as numbers. */
export function asPlanTrack({ track, startFrame, endFrame, template, recogniser }: AnalysisTrack): PlanTrack {
  const known = template === null || recogniser === null ? null : { recogniser, embedding: templateOf(template) };
  return { track, startFrame, endFrame, template: known };
}

/**
 * Of the last shots that rendered, the newest shards of each; so that what it costs does not grow with the farm's past. By parity
 * class, of which a shot's lanes are all of one: first those that there are lanes of, then what is alike, then what most lanes are of.
 * $1 the version, $2 its recipe with its packs pinned.
 */
const LANE_FPS = `
  WITH own AS (
    SELECT (a.media->'video'->>'width')::float8 * (a.media->'video'->>'height')::float8 AS pixels
      FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id WHERE v.id = $1),
  recent AS (
    SELECT v.id, v.parity_class, v.settings->'recipe' AS recipe,
           (a.media->'video'->>'width')::float8 * (a.media->'video'->>'height')::float8 AS pixels
      FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id
     WHERE v.state IN ('rendering', 'assembling', 'verifying', 'ready', 'released')
     ORDER BY v.state_changed_at DESC LIMIT 50),
  speeds AS (
    SELECT r.parity_class, coalesce(r.recipe = $2::jsonb AND r.pixels = own.pixels, false) AS alike,
           s.fps * coalesce(r.pixels / own.pixels, 1) AS fps
      FROM recent r CROSS JOIN own
     CROSS JOIN LATERAL (
       SELECT (t.end_frame - t.start_frame) / greatest(extract(epoch FROM a.ended_at - a.leased_at), 0.1)::float8 AS fps
         FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.state = 'accepted'
        WHERE t.shot_version_id = r.id AND t.kind = 'render' AND a.ended_at IS NOT NULL
        ORDER BY a.ended_at DESC LIMIT 32) s),
  there AS (
    SELECT l.parity_class, count(*) AS lanes FROM lanes l
     WHERE l.state <> 'lost' AND l.capabilities->'kinds' ? 'render' AND l.drained_at IS NULL GROUP BY 1)
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY s.fps) AS fps
    FROM speeds s LEFT JOIN there USING (parity_class)
   GROUP BY parity_class, s.alike, there.lanes
   ORDER BY there.lanes IS NULL, s.alike DESC, there.lanes DESC, parity_class LIMIT 1`;

/** What the plan reads of faces, and of how fast lanes are. */
@Injectable()
export class PlanRepository {
  constructor(
    private readonly vault: TemplateVault,
    private readonly seals: RecordSeals,
  ) {}

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
      recogniser: string | null;
      errorCode: string | null;
      errorMessage: string | null;
    }>(
      `SELECT f.asset_id AS "assetId", i.project_id AS "projectId", f.state::text AS state, f.template, f.recogniser,
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
      if (row === undefined || row.template === null || row.recogniser === null) {
        throw new UnderstudyError(
          'CONFLICT',
          'The face of an image is not read yet; ask for its template and wait for it.',
          {
            details: { assetId },
          },
        );
      }
      const { projectId, template, recogniser } = row;
      return { assetId, template: { recogniser, embedding: templateOf(this.vault.open(projectId, template)) } };
    });
  }

  /** Templates of a performer's faces, of consents that were activated: what only waits for its review proves nothing. */
  async enrolled(sql: Sql, performerId: string): Promise<Template[]> {
    const rows = await sql.query<{ projectId: string; template: Uint8Array; recogniser: string }>(
      `SELECT p.project_id AS "projectId", f.template, f.recogniser FROM performer_faces f
         JOIN performers p ON p.id = f.performer_id JOIN consents c ON c.id = f.consent_id
        WHERE f.performer_id = $1 AND c.state IN ('active', 'suspended') ORDER BY f.created_at, f.id`,
      [performerId],
    );
    return rows.map(({ projectId, template, recogniser }) => ({
      recogniser,
      embedding: templateOf(this.vault.open(projectId, template)),
    }));
  }

  async bindTracks(sql: Sql, shotVersionId: string, cast: number, tracks: readonly number[]): Promise<void> {
    await sql.query('UPDATE cast_members SET tracks = $3::int[] WHERE shot_version_id = $1 AND "cast" = $2', [
      shotVersionId,
      cast,
      tracks,
    ]);
    await sealRows(sql, this.seals, 'cast_members', [shotVersionId]);
  }

  /**
   * Median frames a second of one lane over the newest rendered shards of versions with this recipe and size of picture, of the
   * parity class that most lanes are of; of any shot, in proportion to the size, where there is none; null before anything was
   * rendered.
   *
   * @param recipe with its packs pinned, as versions that were planned have it
   */
  async laneFps(sql: Sql, shotVersionId: string, recipe: Recipe): Promise<number | null> {
    const [row] = await sql.query<{ fps: number }>(LANE_FPS, [shotVersionId, JSON.stringify(recipe)]);
    return row?.fps ?? null;
  }

  /** Lanes that render and are there now. */
  async lanes(sql: Sql): Promise<number> {
    const [row] = await sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM lanes WHERE state <> 'lost' AND capabilities->'kinds' ? 'render'
          AND drained_at IS NULL AND NOT coalesce(set_aside_until > clock_timestamp(), false)`,
    );
    return row?.count ?? 0;
  }
}
