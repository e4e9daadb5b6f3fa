/**
 * In a statement over task `t`: whether a lane of another worker than those in `t.avoid_workers` is there that may have the task
 * and can do it.
 */
export const ANOTHER_CAN = `EXISTS (
  SELECT 1 FROM workers k JOIN lanes o ON o.worker_id = k.id
   WHERE k.id <> ALL (t.avoid_workers) AND k.disabled_at IS NULL AND (NOT k.needs_approval OR k.approved_by IS NOT NULL)
     AND (NOT k.tied OR t.project_id = ANY (k.projects))
     AND o.state <> 'lost' AND o.capabilities->'kinds' ? t.kind::text AND o.drained_at IS NULL
     AND NOT coalesce(o.set_aside_until > clock_timestamp(), false))`;
