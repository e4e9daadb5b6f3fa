/**
 * In a statement over task `t`: whether a lane of another worker than those in `t.avoid_workers` is there that may have the task
 * and can do it. Worker by worker, for there are more lanes than workers.
 */
export const ANOTHER_CAN = `EXISTS (
  SELECT 1 FROM workers k CROSS JOIN LATERAL (
    SELECT 1 FROM lanes o
     WHERE o.worker_id = k.id AND o.state <> 'lost' AND o.capabilities->'kinds' ? t.kind::text AND o.drained_at IS NULL
       AND NOT coalesce(o.set_aside_until > clock_timestamp(), false) LIMIT 1) o
   WHERE k.id <> ALL (t.avoid_workers) AND k.disabled_at IS NULL AND (NOT k.needs_approval OR k.approved_by IS NOT NULL)
     AND (NOT k.tied OR t.project_id = ANY (k.projects)))`;
