import { Inject, Injectable } from '@nestjs/common';
import type { ShotReport, ShotState } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { asRanges } from '../stages/plan/match-cast.js';
import { DATABASE } from '../platform/tokens.js';

export interface ReportedVersion {
  readonly id: string;
  readonly version: number;
  readonly state: ShotState;
  readonly frames: number;
  readonly rate: { num: number; den: number };
  readonly durationS: number;
  readonly analysisId: string;
  readonly createdAt: Date;
  readonly delivery: { id: string; sha256: string; frames: number; gate: ShotReport['outputGate'] } | null;
}

type FaceRow = Omit<ShotReport['faces'][number], 'leftAsFilmed'> & { readonly behindFrames: readonly number[] };

/** The figures of one shot version, each from the rows that hold it. */
@Injectable()
export class ReportRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async newest(shotId: string): Promise<ReportedVersion | null> {
    const [row] = await this.database.query<ReportedVersion>(
      `SELECT v.id, v.version, v.state::text AS state, v.frames, a.media->'video'->'rate' AS rate,
              (a.media->>'durationS')::float8 AS "durationS", v.analysis_id AS "analysisId", v.created_at AS "createdAt",
              CASE WHEN d.id IS NOT NULL THEN jsonb_build_object('id', d.id, 'sha256', d.sha256, 'frames', d.frames,
                     'gate', d.verification->'faces')
              END AS delivery
         FROM shot_versions v
         JOIN assets a ON a.id = v.plate_asset_id
         LEFT JOIN deliveries d ON d.shot_version_id = v.id
        WHERE v.shot_id = $1 ORDER BY v.version DESC LIMIT 1`,
      [shotId],
    );
    return row ?? null;
  }

  async work(shotVersionId: string): Promise<{ shards: number; attempts: number; lanes: string[] }> {
    const [row] = await this.database.query<{ shards: number; attempts: number; lanes: string[] }>(
      `SELECT count(DISTINCT t.id)::int AS shards, count(a.id)::int AS attempts,
              coalesce(array_agg(DISTINCT l.host || '/' || l.ordinal) FILTER (WHERE a.state = 'accepted'), '{}') AS lanes
         FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id LEFT JOIN lanes l ON l.id = a.lane_id
        WHERE t.shot_version_id = $1 AND t.kind = 'render'`,
      [shotVersionId],
    );
    return row ?? { shards: 0, attempts: 0, lanes: [] };
  }

  /** Every track, with the means over its probes, those of segments that were taken from an earlier version among them; the tenth percentile is of the frames that were probed. */
  async faces(shotVersionId: string, analysisId: string): Promise<ShotReport['faces']> {
    const rows = await this.database.query<FaceRow>(
      `WITH made AS (
         SELECT a.probes, a.result
           FROM tasks t
           LEFT JOIN segments g ON g.task_id = t.id
           JOIN attempts a ON a.task_id = coalesce(g.reused_from, t.id) AND a.state = 'accepted'
          WHERE t.shot_version_id = $1 AND t.kind = 'render'),
       probes AS (
         SELECT p.track, avg(p."idToIdentityBefore") AS "idToIdentityBefore", avg(p."idToIdentity") AS "idToIdentity",
                percentile_cont(0.1) WITHIN GROUP (ORDER BY p."idToIdentity") AS "idToIdentityP10",
                avg(p."idToPlate") AS "idToPlate", avg(p."landmarkNme") AS "landmarkNme"
           FROM made a
           CROSS JOIN LATERAL jsonb_to_recordset(coalesce(a.probes, '[]'::jsonb)) AS p(track int,
             "idToIdentityBefore" float8, "idToIdentity" float8, "idToPlate" float8, "landmarkNme" float8)
          GROUP BY p.track),
       restored AS (
         SELECT r.track, sum(r.frames * r."meanAsked") / sum(r.frames) AS "meanAsked",
                sum(r.frames * r."meanStrength") / sum(r.frames) AS "meanStrength", min(r."minStrength") AS "minStrength",
                max(r."worstDrift") AS "worstDrift"
           FROM made a
           CROSS JOIN LATERAL jsonb_to_recordset(coalesce(a.result->'restored', '[]'::jsonb)) AS r(track int,
             frames int, "meanAsked" float8, "meanStrength" float8, "minStrength" float8, "worstDrift" float8)
          GROUP BY r.track)
       SELECT k.track, m."cast", k.faces AS frames, p."idToIdentityBefore", p."idToIdentity", p."idToIdentityP10",
              p."idToPlate", p."landmarkNme", k.behind_frames AS "behindFrames",
              CASE WHEN r.track IS NOT NULL THEN jsonb_build_object('meanAsked', r."meanAsked", 'meanStrength',
                r."meanStrength", 'minStrength', r."minStrength", 'worstDrift', r."worstDrift") END AS restored
         FROM tracks k
         LEFT JOIN cast_members m ON m.shot_version_id = $1 AND k.track = ANY(m.tracks)
         LEFT JOIN probes p ON p.track = k.track
         LEFT JOIN restored r ON r.track = k.track
        WHERE k.analysis_id = $2 ORDER BY k.track`,
      [shotVersionId, analysisId],
    );
    return rows.map(({ behindFrames, ...face }) => ({
      ...face,
      leftAsFilmed: face.cast === null ? [] : asRanges(behindFrames),
    }));
  }

  async consents(shotVersionId: string): Promise<ShotReport['consents']> {
    return this.database.query(
      `SELECT DISTINCT n.id, n.version, f.name AS performer, n.role::text AS role, n.level::text AS level
         FROM cast_members m
         JOIN consents n ON n.id IN (m.identity_consent_id, m.plate_consent_id)
         JOIN performers f ON f.id = n.performer_id
        WHERE m.shot_version_id = $1 ORDER BY role, performer, n.id`,
      [shotVersionId],
    );
  }

  /** When the version came into each of its states, in order, as the audit log has it. */
  async states(shotVersionId: string, shotId: string): Promise<{ state: string; at: Date }[]> {
    return this.database.query(
      `SELECT substr(action, 6) AS state, at FROM audit_events
        WHERE shot_id = $2 AND subject_type = 'ShotVersion' AND subject_id = $1
          AND action = ANY (ARRAY(SELECT 'shot.' || unnest(enum_range(NULL::shot_state))::text))
        ORDER BY sequence`,
      [shotVersionId, shotId],
    );
  }
}
