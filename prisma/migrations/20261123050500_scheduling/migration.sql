-- What keeps a shot from the lanes besides its state, what keeps a lane from work, and what is known of lanes' failures.

-- A person has stopped it for a while: no more of it is leased until they let it go on.
ALTER TABLE "shot_versions" ADD COLUMN "paused_at" TIMESTAMPTZ(3);
-- Shots that must be ready first; each leaves the list when it is.
ALTER TABLE "shot_versions" ADD COLUMN "waits_for" UUID[] NOT NULL DEFAULT '{}';
-- What its lanes must have: pool, leastVramMiB, leastComputeCapability, providers, precision, models.
ALTER TABLE "shot_versions" ADD COLUMN "needs" JSONB NOT NULL DEFAULT '{}';
CREATE INDEX "shot_versions_waiting" ON "shot_versions" USING gin ("waits_for") WHERE "waits_for" <> '{}';

ALTER TABLE "lanes" ADD COLUMN "pools" TEXT[] NOT NULL DEFAULT '{}';
-- Set while an operator wants it to take no more work, and until when it is set aside for its failures.
ALTER TABLE "lanes" ADD COLUMN "drained_at" TIMESTAMPTZ(3);
ALTER TABLE "lanes" ADD COLUMN "set_aside_until" TIMESTAMPTZ(3);
-- Tasks that it failed since it last made something.
ALTER TABLE "lanes" ADD COLUMN "failed_tasks" UUID[] NOT NULL DEFAULT '{}';

-- Lanes that failed it; until then others go first.
ALTER TABLE "tasks" ADD COLUMN "avoid_lanes" UUID[] NOT NULL DEFAULT '{}';
ALTER TABLE "tasks" ADD COLUMN "avoid_until" TIMESTAMPTZ(3);

-- When its frames last grew.
ALTER TABLE "attempts" ADD COLUMN "progress_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- The task of an earlier version whose result this is.
ALTER TABLE "segments" ADD COLUMN "reused_from" UUID;

-- Whether a lane may work on a shot that stands so. The one place that says it, for the queues and for the claim.
CREATE FUNCTION "lane_can"(work task_kind, state shot_state, paused_at timestamptz, waits_for uuid[], pinned text, needs jsonb, lane jsonb)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT paused_at IS NULL AND waits_for = '{}' AND (
    work = 'analyse' AND state = 'analysing' AND (needs->>'pool' IS NULL OR lane->'pools' ? (needs->>'pool'))
    OR work = 'render' AND state = 'rendering' AND (pinned IS NULL OR pinned = lane->>'parityClass')
       AND (needs = '{}'::jsonb OR (
         (needs->>'pool' IS NULL OR lane->'pools' ? (needs->>'pool'))
         AND coalesce((needs->>'leastVramMiB')::int, 0) <= (lane->>'vramMiB')::int
         AND coalesce((needs->>'leastComputeCapability')::int, 0) <= (lane->>'computeCapability')::int
         AND (needs->'providers' IS NULL OR needs->'providers' ? (lane->>'provider'))
         AND (needs->>'precision' IS NULL OR needs->>'precision' = lane->>'precision')
         AND (needs->'models' IS NULL OR lane->'models' @> (needs->'models')))))
$$;

DROP FUNCTION "task_queues"(task_kind[], text, uuid[], integer);
-- The heads of the queues that a lane could work on, at most so many of each project.
-- Goes from one shot version to the next through the index: what it costs depends on how many are looked at, never on how
-- many tasks they have.
CREATE FUNCTION "task_queues"(lane jsonb, pass_over uuid[], most integer)
RETURNS TABLE (project_id uuid, weight integer, most_lanes integer, running bigint, urgency integer, kind_rank integer,
               waiting_since timestamptz, queue uuid, begun boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  project uuid := '00000000-0000-0000-0000-000000000000';
  head record;
  found_here integer;
  lane_kinds task_kind[] := ARRAY(SELECT jsonb_array_elements_text(lane->'kinds')::task_kind);
  lane_class text := lane->>'parityClass';
BEGIN
  LOOP
    SELECT t.project_id INTO project FROM tasks t
     WHERE t.state = 'pending' AND t.project_id > project ORDER BY t.project_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    SELECT p.share_weight, p.most_lanes,
           (SELECT count(*) FROM tasks w WHERE w.project_id = project AND w.state IN ('leased', 'reported'))
      INTO weight, most_lanes, running FROM projects p WHERE p.id = project;
    found_here := 0;
    head := NULL;
    LOOP
      IF head IS NULL THEN
        SELECT -t.priority AS urgency, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) AS kind_rank, t.created_at AS since,
               coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) AS queue, t.kind, t.parity_class
          INTO head FROM tasks t
         WHERE t.state = 'pending' AND t.project_id = project
         ORDER BY 1, 2, 3, 4, t.start_frame, t.id LIMIT 1;
      ELSE
        SELECT -t.priority AS urgency, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) AS kind_rank, t.created_at AS since,
               coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) AS queue, t.kind, t.parity_class
          INTO head FROM tasks t
         WHERE t.state = 'pending' AND t.project_id = project
           AND (-t.priority, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END), t.created_at,
                coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid))
             > (head.urgency, head.kind_rank, head.since, head.queue)
         ORDER BY 1, 2, 3, 4, t.start_frame, t.id LIMIT 1;
      END IF;
      EXIT WHEN NOT FOUND;
      CONTINUE WHEN NOT (head.kind = ANY (lane_kinds)) OR head.queue = ANY (pass_over)
        OR NOT EXISTS (
          SELECT 1 FROM shot_versions v WHERE v.id = head.queue
             AND lane_can(head.kind, v.state, v.paused_at, v.waits_for, v.parity_class, v.needs, lane)
          UNION ALL SELECT 1 WHERE head.kind = 'enrol')
        OR NOT EXISTS (
          SELECT 1 FROM tasks t
           WHERE t.state = 'pending' AND t.project_id = project AND -t.priority = head.urgency
             AND (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) = head.kind_rank AND t.created_at = head.since
             AND coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) = head.queue
             AND t.not_before <= clock_timestamp() AND (t.parity_class IS NULL OR t.parity_class = lane_class));
      project_id := project; urgency := head.urgency; kind_rank := head.kind_rank; waiting_since := head.since; queue := head.queue;
      begun := EXISTS (SELECT 1 FROM shot_versions v WHERE v.id = head.queue AND v.parity_class = lane_class);
      RETURN NEXT;
      found_here := found_here + 1;
      EXIT WHEN found_here >= most;
    END LOOP;
  END LOOP;
END $$;
