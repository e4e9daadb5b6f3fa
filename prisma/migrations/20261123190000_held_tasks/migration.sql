-- A task of a shot that is paused or waits for others is no part of the queue. It only spares the claim from going past it:
-- whether a shot may be worked on is said by the shot itself.
ALTER TABLE "tasks" ADD COLUMN "held" BOOLEAN NOT NULL DEFAULT false;
UPDATE "tasks" t SET "held" = true FROM "shot_versions" v
 WHERE v."id" = t."shot_version_id" AND t."state" <> 'accepted' AND (v."paused_at" IS NOT NULL OR v."waits_for" <> '{}');

DROP INDEX "tasks_queue";
CREATE INDEX "tasks_queue" ON "tasks" ("project_id", (-"priority"), (CASE WHEN "kind" = 'render' THEN 1 ELSE 0 END), "created_at",
  (coalesce("shot_version_id", '00000000-0000-0000-0000-000000000000'::uuid)), "start_frame", "id")
  WHERE "state" = 'pending' AND NOT "held";
CREATE INDEX "tasks_held" ON "tasks" ("shot_version_id") WHERE "held";

CREATE FUNCTION "shot_versions_hold_tasks"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."paused_at" IS NOT NULL OR NEW."waits_for" <> '{}' THEN
    UPDATE "tasks" SET "held" = true WHERE "shot_version_id" = NEW."id" AND "state" <> 'accepted' AND NOT "held";
  ELSE
    UPDATE "tasks" SET "held" = false WHERE "shot_version_id" = NEW."id" AND "held";
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "shot_versions_hold_tasks" AFTER UPDATE OF "paused_at", "waits_for" ON "shot_versions"
  FOR EACH ROW WHEN ((OLD."paused_at" IS NULL AND OLD."waits_for" = '{}') <> (NEW."paused_at" IS NULL AND NEW."waits_for" = '{}'))
  EXECUTE FUNCTION "shot_versions_hold_tasks"();

-- The version's row is locked: who lets the shot go on comes before, or sees these tasks.
CREATE FUNCTION "tasks_are_held"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "tasks" t SET "held" = true
    FROM (SELECT v."id" FROM "shot_versions" v
           WHERE v."id" IN (SELECT "shot_version_id" FROM "made") AND (v."paused_at" IS NOT NULL OR v."waits_for" <> '{}')
           FOR SHARE) v
   WHERE t."shot_version_id" = v."id" AND t."state" <> 'accepted' AND NOT t."held";
  RETURN NULL;
END $$;
CREATE TRIGGER "tasks_are_held" AFTER INSERT ON "tasks" REFERENCING NEW TABLE AS "made"
  FOR EACH STATEMENT EXECUTE FUNCTION "tasks_are_held"();

-- The heads of the queues that a lane could work on, at most so many of each project.
-- Goes from one shot version to the next through the index: what it costs depends on how many are looked at, never on how
-- many tasks they have, nor on how many shots are paused or wait for others. A project at its cap is not looked into.
CREATE OR REPLACE FUNCTION "task_queues"(lane jsonb, pass_over uuid[], most integer)
RETURNS TABLE (project_id uuid, weight integer, most_lanes integer, running bigint, urgency integer, kind_rank integer,
               waiting_since timestamptz, queue uuid, begun boolean)
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
      CONTINUE WHEN NOT (head.kind = ANY (lane_kinds)) OR head.queue = ANY (pass_over)
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
