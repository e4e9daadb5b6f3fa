import { OFF_LANE } from './lane.repository.js';

/**
 * Lanes that are there and could do task $1 if it were free: its kind, its shot's parity class, pool, card and models, its
 * project, and nobody keeps work from them.
 */
export const ABLE_LANES = `
  SELECT l.id, l.worker_id, l.host
  FROM tasks t LEFT JOIN shot_versions v ON v.id = t.shot_version_id
  CROSS JOIN lanes l JOIN workers w ON w.id = l.worker_id
  WHERE t.id = $1 AND l.state <> 'lost' AND l.last_seen_at > clock_timestamp() - interval '45 seconds' AND NOT ${OFF_LANE}
    AND (NOT w.tied OR t.project_id = ANY (w.projects)) AND l.capabilities->'kinds' ? t.kind::text
    AND (t.kind = 'enrol' OR lane_can(t.kind, (CASE t.kind WHEN 'analyse' THEN 'analysing' ELSE 'rendering' END)::shot_state,
      NULL, '{}', v.parity_class, v.needs, jsonb_build_object(
        'parityClass', l.parity_class, 'pools', to_jsonb(l.pools), 'vramMiB', l.capabilities->'vramMiB',
        'computeCapability', coalesce(l.capabilities->'computeCapability', '0'), 'models', l.capabilities->'packs',
        'provider', l.capabilities->'parityClass'->'provider', 'precision', l.capabilities->'parityClass'->'precision')))`;
