import { Inject, Injectable } from '@nestjs/common';
import { SHOT_STATES } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';
import type { StateChange, TracedAttempt, TracedVersion } from './shot-spans.js';

const VERSION = `
  SELECT v.id, v.shot_id AS "shotId", s.project_id AS "projectId", v.traceparent, v.created_at AS "createdAt"
    FROM shot_versions v JOIN shots s ON s.id = v.shot_id WHERE v.id = $1`;

const CHANGES = `
  SELECT canonical::jsonb->'data'->>'from' AS "from", substr(action, 6) AS "to", at FROM audit_events
   WHERE shot_id = $1 AND subject_type = 'ShotVersion' AND subject_id = $2 AND action = ANY ($3::text[])
   ORDER BY sequence`;

const ATTEMPTS = `
  SELECT a.id, t.id AS "taskId", a.lane_id AS "laneId", t.kind::text AS kind, a.epoch, t.start_frame AS "startFrame",
         t.end_frame AS "endFrame", a.state::text AS state, a.error_code AS "errorCode", a.leased_at AS "leasedAt",
         a.ended_at AS "endedAt", a.timings_ms AS "timingsMs", r.at AS "reportedAt"
    FROM tasks t JOIN attempts a ON a.task_id = t.id
    LEFT JOIN (
      SELECT e.subject_id, min(e.at) AS at FROM audit_events e
       WHERE e.shot_id = $2 AND e.action = 'attempt.reported' GROUP BY e.subject_id) r ON r.subject_id = a.id::text
   WHERE t.shot_version_id = $1 ORDER BY a.leased_at LIMIT $3`;

/** What the spans of a shot version are made of: its own rows and the audit log, all by the database's clock. */
@Injectable()
export class TraceRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** @param mostAttempts the oldest of them; `hasMore` tells whether some were left out */
  async find(shotVersionId: string, mostAttempts: number): Promise<(TracedVersion & { hasMore: boolean }) | null> {
    const [version] = await this.database.query<Omit<TracedVersion, 'changes' | 'attempts'>>(VERSION, [shotVersionId]);
    if (version === undefined) return null;
    const actions = SHOT_STATES.map((state) => `shot.${state}`);
    const changes = await this.database.query<StateChange>(CHANGES, [version.shotId, shotVersionId, actions]);
    const found = await this.database.query<TracedAttempt>(ATTEMPTS, [shotVersionId, version.shotId, mostAttempts + 1]);
    const attempts = found.slice(0, mostAttempts);
    return { ...version, changes, attempts, hasMore: found.length > mostAttempts };
  }
}
