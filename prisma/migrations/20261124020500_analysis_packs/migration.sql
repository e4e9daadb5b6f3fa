-- A plate may be analysed with packs: only lanes that passed their self-tests get its ranges.
CREATE OR REPLACE FUNCTION "lane_can"(work task_kind, state shot_state, paused_at timestamptz, waits_for uuid[], pinned text, needs jsonb, lane jsonb)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT paused_at IS NULL AND waits_for = '{}' AND (
    work = 'analyse' AND state = 'analysing' AND (needs->>'pool' IS NULL OR lane->'pools' ? (needs->>'pool'))
       AND (needs->'analysisModels' IS NULL OR lane->'models' @> (needs->'analysisModels'))
    OR work = 'render' AND state = 'rendering' AND (pinned IS NULL OR pinned = lane->>'parityClass')
       AND (needs = '{}'::jsonb OR (
         (needs->>'pool' IS NULL OR lane->'pools' ? (needs->>'pool'))
         AND coalesce((needs->>'leastVramMiB')::int, 0) <= (lane->>'vramMiB')::int
         AND coalesce((needs->>'leastComputeCapability')::int, 0) <= (lane->>'computeCapability')::int
         AND (needs->'providers' IS NULL OR needs->'providers' ? (lane->>'provider'))
         AND (needs->>'precision' IS NULL OR needs->>'precision' = lane->>'precision')
         AND (needs->'models' IS NULL OR lane->'models' @> (needs->'models')))))
$$;
