import { Inject, Injectable } from '@nestjs/common';
import type { LaneCapabilities, LaneNeeds, ShotState } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { type ProjectShare, URGENT_PRIORITY } from '@understudy/policy';
import { DATABASE } from '../platform/tokens.js';
import { OFF_LANE } from '../shards/lane.repository.js';

export interface LaneSeconds {
  readonly accepted: number;
  readonly lost: number;
  readonly running: number;
}

export interface StandingVersion {
  readonly id: string;
  readonly state: ShotState;
  readonly priority: number;
  readonly pausedAt: Date | null;
  readonly waitsFor: string[];
  /** Of these the ones that failed, or were cancelled or revoked. */
  readonly failedBefore: string[];
  readonly needs: LaneNeeds;
  readonly parityClass: string | null;
  readonly frames: number | null;
  readonly waiting: number;
  readonly running: number;
  /** Of what waits: since when, and the first moment at which some of it may be leased. */
  readonly waitingSince: Date | null;
  readonly notBefore: Date | null;
  /** What the last try of one that waits failed with. */
  readonly failedWith: string | null;
  /** Shards that failed for good; the shot fails with them once the others are done. */
  readonly setAside: number;
  /** Of the present stage: frames accepted, lane seconds that these took, frames still to do. */
  readonly framesAccepted: number;
  readonly acceptedSeconds: number;
  readonly framesLeft: number;
  readonly now: Date;
}

export interface LaneStanding {
  readonly id: string;
  readonly capabilities: LaneCapabilities;
  readonly parityClass: string;
  readonly pools: string[];
  readonly projects: string[] | null;
  readonly busy: boolean;
  readonly isOff: boolean;
  /** The code that it is set aside for. */
  readonly offFor: string | null;
}

export const SECONDS = `extract(epoch FROM coalesce(a.ended_at, clock_timestamp()) - a.leased_at)`;
export const LANE_SECONDS = `
  coalesce(sum(${SECONDS}) FILTER (WHERE a.state = 'accepted'), 0)::float8 AS accepted,
  coalesce(sum(${SECONDS}) FILTER (WHERE a.state NOT IN ('accepted', 'running', 'reported')), 0)::float8 AS lost,
  coalesce(sum(${SECONDS}) FILTER (WHERE a.state IN ('running', 'reported')), 0)::float8 AS running`;

/** How a shot, or a project, stands with the lanes. */
@Injectable()
export class OutlookRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async standing(shotId: string): Promise<StandingVersion | null> {
    const [row] = await this.database.query<StandingVersion>(
      `SELECT v.id, v.state::text AS state, v.priority, v.paused_at AS "pausedAt", v.waits_for AS "waitsFor", v.needs,
              ARRAY(SELECT s.id FROM unnest(v.waits_for) AS s(id)
                     WHERE (SELECT b.state FROM shot_versions b WHERE b.shot_id = s.id ORDER BY b.version DESC LIMIT 1)
                           IN ('failed', 'cancelled', 'revoked')) AS "failedBefore",
              v.parity_class AS "parityClass", v.frames, clock_timestamp() AS now, w.*
         FROM shot_versions v
         CROSS JOIN LATERAL (
           SELECT (count(*) FILTER (WHERE t.state = 'pending'))::int AS waiting,
                  (count(*) FILTER (WHERE t.state IN ('leased', 'reported')))::int AS running,
                  min(t.created_at) FILTER (WHERE t.state = 'pending') AS "waitingSince",
                  min(t.not_before) FILTER (WHERE t.state = 'pending') AS "notBefore",
                  min(t.error_code) FILTER (WHERE t.state = 'pending') AS "failedWith",
                  (count(*) FILTER (WHERE t.state = 'failed'))::int AS "setAside",
                  coalesce(sum(t.end_frame - t.start_frame) FILTER (WHERE t.state = 'accepted' AND a.id IS NOT NULL), 0)::int
                    AS "framesAccepted",
                  coalesce(sum(${SECONDS}) FILTER (WHERE t.state = 'accepted'), 0)::float8 AS "acceptedSeconds",
                  coalesce(sum(t.end_frame - t.start_frame - coalesce(p.frames_done, 0)) FILTER (WHERE t.state NOT IN ('accepted', 'failed')), 0)::int
                    AS "framesLeft"
             FROM tasks t
             LEFT JOIN attempts a ON a.task_id = t.id AND a.state = 'accepted'
             LEFT JOIN attempts p ON p.task_id = t.id AND p.state IN ('running', 'reported')
            WHERE t.shot_version_id = v.id
              AND t.kind = CASE WHEN v.state = 'analysing' THEN 'analyse' ELSE 'render' END::task_kind) w
        WHERE v.shot_id = $1 ORDER BY v.version DESC LIMIT 1`,
      [shotId],
    );
    return row ?? null;
  }

  /** Lanes that are there, as placement looks at them. */
  async lanes(): Promise<LaneStanding[]> {
    return await this.database.query<LaneStanding>(
      `SELECT l.id, l.capabilities, l.parity_class AS "parityClass", l.pools, l.state = 'busy' AS busy, ${OFF_LANE} AS "isOff",
              CASE WHEN l.set_aside_until > clock_timestamp() THEN l.set_aside_reason END AS "offFor",
              CASE WHEN w.tied THEN w.projects::text[] END AS projects
         FROM lanes l JOIN workers w ON w.id = l.worker_id WHERE l.state <> 'lost'`,
    );
  }

  /** Lanes that have failed all that waits of a version and leave it to others, each until some of it is open to it again. */
  async standingBack(shotVersionId: string, kind: 'analyse' | 'render'): Promise<ReadonlyMap<string, Date>> {
    const rows = await this.database.query<{ id: string; until: Date }>(
      `WITH waiting AS MATERIALIZED (
         SELECT CASE WHEN t.avoid_until > clock_timestamp() THEN t.avoid_lanes ELSE '{}' END AS lanes, t.avoid_until AS until
           FROM tasks t WHERE t.shot_version_id = $1 AND t.kind = $2::task_kind AND t.state = 'pending')
       SELECT l.id, min(w.until) AS until
         FROM (SELECT DISTINCT unnest(lanes) AS id FROM waiting) l JOIN waiting w ON l.id = ANY (w.lanes)
        GROUP BY l.id HAVING count(*) = (SELECT count(*) FROM waiting)`,
      [shotVersionId, kind],
    );
    return new Map(rows.map(({ id, until }) => [id, until]));
  }

  async projectShare(projectId: string): Promise<Omit<ProjectShare, 'projectId'> | null> {
    const [row] = await this.database.query<Omit<ProjectShare, 'projectId'>>(
      `SELECT p.share_weight AS weight, p.most_lanes AS "mostLanes", w.running, w.urgent AS "urgentRunning",
              (extract(epoch FROM p.served_at) * 1000)::float8 AS "servedAtMs"
         FROM projects p
         CROSS JOIN LATERAL (
           SELECT count(*)::int AS running, (count(*) FILTER (WHERE w.priority >= $2))::int AS urgent
             FROM tasks w WHERE w.project_id = p.id AND w.state IN ('leased', 'reported')) w
        WHERE p.id = $1`,
      [projectId, URGENT_PRIORITY],
    );
    return row ?? null;
  }

  async laneSecondsOfShot(shotId: string): Promise<LaneSeconds> {
    const [row] = await this.database.query<LaneSeconds>(
      `SELECT ${LANE_SECONDS} FROM shot_versions v JOIN tasks t ON t.shot_version_id = v.id
         JOIN attempts a ON a.task_id = t.id WHERE v.shot_id = $1`,
      [shotId],
    );
    return row as LaneSeconds;
  }

  async costOfProject(projectId: string): Promise<LaneSeconds & { shots: number }> {
    const [row] = await this.database.query<LaneSeconds & { shots: number }>(
      `SELECT count(DISTINCT s.id)::int AS shots, ${LANE_SECONDS}
         FROM shots s LEFT JOIN shot_versions v ON v.shot_id = s.id LEFT JOIN tasks t ON t.shot_version_id = v.id
         LEFT JOIN attempts a ON a.task_id = t.id WHERE s.project_id = $1`,
      [projectId],
    );
    return row as LaneSeconds & { shots: number };
  }
}
