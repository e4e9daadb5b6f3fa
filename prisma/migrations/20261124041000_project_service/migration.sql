-- When the project was last given a lane, to within some seconds: what a lane's time is owed by.
ALTER TABLE "projects" ADD COLUMN "served_at" TIMESTAMPTZ(3);

DROP FUNCTION "task_queues"(jsonb, text[], integer);
-- The heads of the queues that a lane could work on: at most so many of each project, and the oldest of those after them.
-- Goes from one shot version to the next through the index: what it costs depends on how many are looked at, never on how
-- many tasks they have, nor on how many shots are paused or wait for others. A project at its cap is not looked into.
CREATE FUNCTION "task_queues"(lane jsonb, pass_over text[], most integer, urgent_from integer)
RETURNS TABLE (project_id uuid, weight integer, most_lanes integer, running bigint,
               urgent_running bigint, served_at timestamptz, urgency integer, kind_rank integer, waiting_since timestamptz, queue uuid, begun boolean, name text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  project uuid := '00000000-0000-0000-0000-000000000000';
  head record;
  found_here integer;
  -- Behind the first ones: the oldest, looked for among the first of each priority and kind; how many more rows may be looked at.
  oldest record;
  oldest_since timestamptz;
  looks_left integer;
  next_rank boolean;
  lane_kinds task_kind[] := ARRAY(SELECT jsonb_array_elements_text(lane->'kinds')::task_kind);
  lane_class text := lane->>'parityClass';
  -- The projects whose work its worker may see; absent for any.
  lane_projects jsonb := lane->'projects';
BEGIN
  LOOP
    SELECT t.project_id INTO project FROM tasks t
     WHERE t.state = 'pending' AND NOT t.held AND t.project_id > project ORDER BY t.project_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    CONTINUE WHEN lane_projects IS NOT NULL AND NOT lane_projects ? project::text;
    SELECT p.share_weight, p.most_lanes, p.served_at, w.running, w.urgent
      INTO weight, most_lanes, served_at, running, urgent_running
      FROM projects p
      CROSS JOIN LATERAL (
        SELECT count(*) AS running, count(*) FILTER (WHERE w.priority >= urgent_from) AS urgent
          FROM tasks w WHERE w.project_id = project AND w.state IN ('leased', 'reported')) w
     WHERE p.id = project;
    CONTINUE WHEN running >= most_lanes;
    found_here := 0;
    oldest_since := NULL;
    looks_left := 16;
    next_rank := false;
    head := NULL;
    LOOP
      IF head IS NULL THEN
        SELECT -t.priority AS urgency, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) AS kind_rank, t.created_at AS since,
               coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) AS queue, t.kind, t.parity_class
          INTO head FROM tasks t
         WHERE t.state = 'pending' AND NOT t.held AND t.project_id = project
         ORDER BY 1, 2, 3, 4, t.start_frame, t.id LIMIT 1;
      ELSIF next_rank THEN
        SELECT -t.priority AS urgency, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) AS kind_rank, t.created_at AS since,
               coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) AS queue, t.kind, t.parity_class
          INTO head FROM tasks t
         WHERE t.state = 'pending' AND NOT t.held AND t.project_id = project
           AND (-t.priority, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END)) > (head.urgency, head.kind_rank)
         ORDER BY 1, 2, 3, 4, t.start_frame, t.id LIMIT 1;
      ELSE
        SELECT -t.priority AS urgency, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) AS kind_rank, t.created_at AS since,
               coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) AS queue, t.kind, t.parity_class
          INTO head FROM tasks t
         WHERE t.state = 'pending' AND NOT t.held AND t.project_id = project
           AND (-t.priority, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END), t.created_at,
                coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid))
             > (head.urgency, head.kind_rank, head.since, head.queue)
         ORDER BY 1, 2, 3, 4, t.start_frame, t.id LIMIT 1;
      END IF;
      EXIT WHEN NOT FOUND;
      IF found_here >= most THEN
        EXIT WHEN looks_left = 0;
        looks_left := looks_left - 1;
        next_rank := oldest_since <= head.since;
        CONTINUE WHEN next_rank;
      END IF;
      name := concat_ws(' ', project, head.urgency, head.kind_rank, extract(epoch FROM head.since), head.queue);
      CONTINUE WHEN name = ANY (pass_over);
      CONTINUE WHEN NOT (head.kind = ANY (lane_kinds)) OR head.queue::text = ANY (pass_over)
        OR NOT EXISTS (
          SELECT 1 FROM shot_versions v WHERE v.id = head.queue
             AND lane_can(head.kind, v.state, v.paused_at, v.waits_for, v.parity_class, v.needs, lane)
          UNION ALL SELECT 1 WHERE head.kind = 'enrol')
        OR NOT EXISTS (
          SELECT 1 FROM tasks t
           WHERE t.state = 'pending' AND NOT t.held AND t.project_id = project AND -t.priority = head.urgency
             AND (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) = head.kind_rank AND t.created_at = head.since
             AND coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) = head.queue
             AND t.not_before <= clock_timestamp() AND (t.parity_class IS NULL OR t.parity_class = lane_class));
      IF found_here >= most THEN
        oldest := head;
        oldest_since := head.since;
        next_rank := true;
        CONTINUE;
      END IF;
      project_id := project; urgency := head.urgency; kind_rank := head.kind_rank; waiting_since := head.since; queue := head.queue;
      begun := EXISTS (SELECT 1 FROM shot_versions v WHERE v.id = head.queue AND v.parity_class = lane_class);
      RETURN NEXT;
      found_here := found_here + 1;
      next_rank := found_here >= most;
    END LOOP;
    CONTINUE WHEN oldest_since IS NULL;
    name := concat_ws(' ', project, oldest.urgency, oldest.kind_rank, extract(epoch FROM oldest.since), oldest.queue);
    project_id := project; urgency := oldest.urgency; kind_rank := oldest.kind_rank; waiting_since := oldest.since; queue := oldest.queue;
    begun := EXISTS (SELECT 1 FROM shot_versions v WHERE v.id = oldest.queue AND v.parity_class = lane_class);
    RETURN NEXT;
  END LOOP;
END $$;
