-- A queue has a name, by which a claim passes over just this one: images to enrol share the queue of what belongs to no shot,
-- and a shot may have several. A shot that may not be worked on is still passed over by its id.
DROP FUNCTION "task_queues"(jsonb, uuid[], integer);
-- The heads of the queues that a lane could work on, at most so many of each project.
-- Goes from one shot version to the next through the index: what it costs depends on how many are looked at, never on how
-- many tasks they have, nor on how many shots are paused or wait for others. A project at its cap is not looked into.
CREATE FUNCTION "task_queues"(lane jsonb, pass_over text[], most integer)
RETURNS TABLE (project_id uuid, weight integer, most_lanes integer, running bigint, urgency integer, kind_rank integer,
               waiting_since timestamptz, queue uuid, begun boolean, name text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  project uuid := '00000000-0000-0000-0000-000000000000';
  head record;
  found_here integer;
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
    SELECT p.share_weight, p.most_lanes,
           (SELECT count(*) FROM tasks w WHERE w.project_id = project AND w.state IN ('leased', 'reported'))
      INTO weight, most_lanes, running FROM projects p WHERE p.id = project;
    CONTINUE WHEN running >= most_lanes;
    found_here := 0;
    head := NULL;
    LOOP
      IF head IS NULL THEN
        SELECT -t.priority AS urgency, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) AS kind_rank, t.created_at AS since,
               coalesce(t.shot_version_id, '00000000-0000-0000-0000-000000000000'::uuid) AS queue, t.kind, t.parity_class
          INTO head FROM tasks t
         WHERE t.state = 'pending' AND NOT t.held AND t.project_id = project
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
      project_id := project; urgency := head.urgency; kind_rank := head.kind_rank; waiting_since := head.since; queue := head.queue;
      begun := EXISTS (SELECT 1 FROM shot_versions v WHERE v.id = head.queue AND v.parity_class = lane_class);
      RETURN NEXT;
      found_here := found_here + 1;
      EXIT WHEN found_here >= most;
    END LOOP;
  END LOOP;
END $$;
