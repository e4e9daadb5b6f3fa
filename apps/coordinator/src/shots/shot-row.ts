import type { ConsentLevel, ErrorCode, Recipe, Shot, ShotState } from '@understudy/contracts';
import type { Sql } from '@understudy/db';

/** The newest version of a shot with what its tasks say. */
export interface ShotVersionRow {
  readonly shotId: string;
  readonly shotVersionId: string;
  readonly version: number;
  readonly state: ShotState;
  readonly error: { code: ErrorCode; message: string; details: Record<string, unknown> | null } | null;
  readonly frames: number | null;
  readonly rate: { num: number; den: number } | null;
  readonly recipe: Recipe;
  readonly matteAssetId: string | null;
  readonly shards: number;
  readonly accepted: number;
  readonly attempts: number;
  readonly framesDone: { analyse: number; render: number };
  readonly deliveryId: string | null;
  readonly levels: ConsentLevel[];
  readonly waivers: string[];
  readonly createdAt: Date;
  readonly settledAt: Date | null;
}

/** One statement for a whole page: the newest version of each shot, its tasks and attempts counted by index. */
const NEWEST = `
  SELECT v.shot_id AS "shotId", v.id AS "shotVersionId", v.version, v.state::text AS state,
         CASE WHEN v.error_code IS NOT NULL THEN jsonb_build_object(
           'code', v.error_code, 'message', v.error_message, 'details', v.error_details) END AS error,
         v.frames, a.media->'video'->'rate' AS rate, v.settings->'recipe' AS recipe,
         v.settings->>'matteAssetId' AS "matteAssetId",
         coalesce(t.shards, 0) AS shards, coalesce(t.accepted, 0) AS accepted, coalesce(t.attempts, 0) AS attempts,
         jsonb_build_object('analyse', coalesce(t.analysed, 0), 'render', coalesce(t.rendered, 0)) AS "framesDone",
         d.id AS "deliveryId", c.levels,
         ARRAY(SELECT DISTINCT waiver FROM unnest(v.waivers || c.waivers) AS waiver ORDER BY waiver) AS waivers,
         v.created_at AS "createdAt", v.settled_at AS "settledAt"
    FROM unnest($1::uuid[]) AS wanted(id)
    JOIN LATERAL (SELECT * FROM shot_versions WHERE shot_id = wanted.id ORDER BY version DESC LIMIT 1) v ON true
    JOIN assets a ON a.id = v.plate_asset_id
    LEFT JOIN deliveries d ON d.shot_version_id = v.id
    LEFT JOIN LATERAL (
      SELECT (count(*) FILTER (WHERE x.kind = 'render'))::int AS shards,
             (count(*) FILTER (WHERE x.kind = 'render' AND x.state = 'accepted'))::int AS accepted,
             coalesce(sum(x.attempts) FILTER (WHERE x.kind = 'render'), 0)::int AS attempts,
             coalesce(sum(x.done) FILTER (WHERE x.kind = 'analyse'), 0)::int AS analysed,
             coalesce(sum(x.done) FILTER (WHERE x.kind = 'render'), 0)::int AS rendered
        FROM (
          SELECT k.kind, k.state,
                 CASE WHEN k.state IN ('accepted', 'reported') THEN k.end_frame - k.start_frame
                      WHEN k.state = 'leased' THEN coalesce((
                        SELECT least(p.frames_done, k.end_frame - k.start_frame) FROM attempts p
                         WHERE p.task_id = k.id AND p.epoch = k.epoch), 0)
                      ELSE 0 END AS done,
                 (SELECT count(*) FROM attempts p WHERE p.task_id = k.id) AS attempts
            FROM tasks k WHERE k.shot_version_id = v.id) x) t ON true
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(DISTINCT n.level::text), '{}') AS levels,
             coalesce(array_agg(DISTINCT w.waiver) FILTER (WHERE w.waiver IS NOT NULL), '{}') AS waivers
        FROM cast_members m
        JOIN consents n ON n.id IN (m.identity_consent_id, m.plate_consent_id)
        LEFT JOIN LATERAL unnest(n.waivers) AS w(waiver) ON true
       WHERE m.shot_version_id = v.id) c`;

export async function newestVersions(sql: Sql, shotIds: readonly string[]): Promise<Map<string, ShotVersionRow>> {
  const rows = await sql.query<ShotVersionRow>(NEWEST, [shotIds]);
  return new Map(rows.map((row) => [row.shotId, row]));
}

export interface ShotHead {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly batch: { readonly id: string; readonly name: string } | null;
  readonly project: { readonly name: string };
}

/** A shot as the API shows it. */
export function asShot(shot: ShotHead, version: ShotVersionRow): Shot {
  const { error, rate } = version;
  return {
    id: shot.id,
    projectId: shot.projectId,
    project: shot.project.name,
    name: shot.name,
    batch: shot.batch,
    shotVersionId: version.shotVersionId,
    version: version.version,
    state: version.state,
    error:
      error === null
        ? null
        : { code: error.code, message: error.message, ...(error.details === null ? {} : { details: error.details }) },
    frames: version.frames,
    progress: progressOf(version),
    fps: rate === null ? null : rate.num / rate.den,
    recipe: version.recipe,
    matteAssetId: version.matteAssetId,
    shards: { total: version.shards, accepted: version.accepted },
    attempts: version.attempts,
    deliveryId: version.deliveryId,
    selfAttested: version.levels.includes('L0'),
    waivers: version.waivers,
    createdAt: version.createdAt.toISOString(),
    settledAt: version.settledAt?.toISOString() ?? null,
  };
}

/** Frames done over frames to do in the present stage; a stage that is not counted in frames shows none of it done. */
function progressOf({ state, frames, framesDone, shards }: ShotVersionRow): number {
  if (state === 'ready' || state === 'released') return 1;
  if (frames === null || frames === 0) return 0;
  if (state === 'analysing') return Math.min(1, framesDone.analyse / frames);
  const ended = state === 'failed' || state === 'cancelled' || state === 'revoked' || state === 'held';
  if (state !== 'rendering' && !(ended && shards > 0)) return 0;
  return Math.min(1, framesDone.render / frames);
}
