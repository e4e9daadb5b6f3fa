-- A worker may be tied to projects: then it is handed the work of these alone.
ALTER TABLE "workers" ADD COLUMN "tied" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "workers" ADD COLUMN "projects" UUID[] NOT NULL DEFAULT '{}';
-- A worker is let in by two people: who asked for it, or for what it may see now, and another one.
ALTER TABLE "workers" ADD COLUMN "needs_approval" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "workers" ADD COLUMN "asked_by" UUID;
ALTER TABLE "workers" ADD COLUMN "approved_by" UUID;
UPDATE "workers" SET "asked_by" = "created_by";
ALTER TABLE "workers" ADD CONSTRAINT "workers_four_eyes" CHECK ("approved_by" <> "asked_by");

CREATE FUNCTION "workers_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The owner, who sets the farm up, needs nobody; nor does a farm that its owner set up for one person.
  IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     OR EXISTS (SELECT FROM "farm_settings" WHERE "name" = 'accounts' AND "value" = 'simple') THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' AND (NOT NEW."needs_approval" OR NEW."approved_by" IS NOT NULL) THEN
    RAISE EXCEPTION 'a worker is let in by two people' USING ERRCODE = 'check_violation', CONSTRAINT = 'workers_by_two';
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NOT NEW."needs_approval" AND OLD."needs_approval" THEN
      RAISE EXCEPTION 'a worker is let in by two people' USING ERRCODE = 'check_violation', CONSTRAINT = 'workers_by_two';
    END IF;
    -- Another one's yes was to what it might see then.
    IF OLD."tied" AND NOT (NEW."tied" AND NEW."projects" <@ OLD."projects")
       AND (NOT NEW."needs_approval" OR NEW."approved_by" IS NOT NULL) THEN
      RAISE EXCEPTION 'a worker that is to see more is let in anew' USING ERRCODE = 'check_violation', CONSTRAINT = 'workers_by_two';
    END IF;
    IF NEW."approved_by" IS NOT NULL AND NEW."approved_by" IS DISTINCT FROM OLD."approved_by" AND NOT EXISTS (
         SELECT FROM "users" WHERE "id" = NEW."approved_by" AND "disabled_at" IS NULL
           AND "farm_roles" && '{org_admin,farm_operator}'::"farm_role"[]) THEN
      RAISE EXCEPTION 'who approves a worker is org admin or farm operator' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'workers_by_two';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "workers_by_two" BEFORE INSERT OR UPDATE ON "workers"
  FOR EACH ROW EXECUTE FUNCTION "workers_by_two"();

-- Whatever picks a task: an attempt of a project that the worker may not see, or of a worker that waits, is not made.
CREATE FUNCTION "attempts_of_their_own"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM "lanes" l JOIN "workers" w ON w."id" = l."worker_id" JOIN "tasks" t ON t."id" = NEW."task_id"
             WHERE l."id" = NEW."lane_id" AND (w."needs_approval" AND w."approved_by" IS NULL
               OR w."tied" AND NOT coalesce(t."project_id" = ANY (w."projects"), false))) THEN
    RAISE EXCEPTION 'this worker may not have that task' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'attempts_of_their_own';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "attempts_of_their_own" BEFORE INSERT ON "attempts"
  FOR EACH ROW EXECUTE FUNCTION "attempts_of_their_own"();

-- The heads of the queues that a lane could work on, at most so many of each project.
-- Goes from one shot version to the next through the index: what it costs depends on how many are looked at, never on how
-- many tasks they have.
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
     WHERE t.state = 'pending' AND t.project_id > project ORDER BY t.project_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    CONTINUE WHEN lane_projects IS NOT NULL AND NOT lane_projects ? project::text;
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
