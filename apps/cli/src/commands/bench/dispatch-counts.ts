import type { Sql } from '@understudy/db';

export interface DispatchCounts {
  /** Tasks whose completion the lanes saw answered with success. */
  readonly answeredTasks: number;
  readonly acceptedTasks: number;
  readonly acceptedAttempts: number;
  readonly segments: number;
  /** Lines of the audit log that tell of an acceptance. */
  readonly acceptedEvents: number;
  readonly leases: number;
  readonly leaseEvents: number;
  /** Tasks that were leased and are not accepted, or whose answer and row differ. */
  readonly lost: number;
  readonly doublyAccepted: number;
}

const COUNTS = `
  SELECT (SELECT count(*) FROM tasks WHERE state = 'accepted')::int AS "acceptedTasks",
         (SELECT count(*) FROM attempts WHERE state = 'accepted')::int AS "acceptedAttempts",
         (SELECT count(*) FROM segments)::int AS segments,
         (SELECT count(*) FROM audit_events WHERE action = 'attempt.accepted')::int AS "acceptedEvents",
         (SELECT count(*) FROM attempts)::int AS leases,
         (SELECT count(*) FROM audit_events WHERE action = 'task.leased')::int AS "leaseEvents",
         (SELECT count(*) FROM tasks WHERE epoch > 0 AND state <> 'accepted')::int AS unfinished,
         (SELECT count(*) FROM unnest($1::uuid[]) AS answered(id)
          WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = answered.id AND t.state = 'accepted'))::int AS unaccepted,
         (SELECT count(*) FROM tasks t WHERE t.state = 'accepted' AND NOT t.id = ANY ($1::uuid[]))::int AS unanswered,
         (SELECT count(*) FROM (
            SELECT task_id FROM attempts WHERE state = 'accepted' GROUP BY task_id HAVING count(*) > 1
            UNION
            SELECT (canonical::jsonb #>> '{data,task}')::uuid FROM audit_events WHERE action = 'attempt.accepted'
            GROUP BY 1 HAVING count(*) > 1) twice)::int AS twice`;

/**
 * What Postgres holds after the load, beside what the lanes were answered.
 *
 * @param answered the task of each completion that was answered with success
 */
export async function countDispatch(sql: Sql, answered: readonly string[]): Promise<DispatchCounts> {
  type Row = Omit<DispatchCounts, 'answeredTasks' | 'lost' | 'doublyAccepted'> &
    Record<'unfinished' | 'unaccepted' | 'unanswered' | 'twice', number>;
  const [row] = await sql.query<Row>(COUNTS, [answered]);
  const { unfinished, unaccepted, unanswered, twice, ...counts } = row!;
  const distinct = new Set(answered);
  return {
    answeredTasks: distinct.size,
    ...counts,
    lost: unfinished + unaccepted + unanswered,
    doublyAccepted: twice + (answered.length - distinct.size),
  };
}
