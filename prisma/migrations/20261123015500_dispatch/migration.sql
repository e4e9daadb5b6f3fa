-- Dispatch at scale: a claim costs the same whether a thousand or a million shards wait.

-- A project's share of the lanes, in proportion to its weight while others want lanes too; and the most lanes it may have.
ALTER TABLE "projects" ADD COLUMN "share_weight" INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "projects" ADD COLUMN "most_lanes" INTEGER;
ALTER TABLE "projects" ADD CONSTRAINT "projects_share_check" CHECK ("share_weight" > 0 AND ("most_lanes" IS NULL OR "most_lanes" >= 0));

-- Whose share a task counts against. Filled here, so that whoever makes a task cannot get it wrong.
ALTER TABLE "tasks" ADD COLUMN "project_id" UUID;
UPDATE "tasks" t SET "project_id" = coalesce(
  (SELECT s."project_id" FROM "shot_versions" v JOIN "shots" s ON s."id" = v."shot_id" WHERE v."id" = t."shot_version_id"),
  (SELECT a."project_id" FROM "assets" a WHERE a."id" = t."asset_id"));
CREATE FUNCTION "tasks_have_project"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."project_id" := coalesce(
    (SELECT s."project_id" FROM "shot_versions" v JOIN "shots" s ON s."id" = v."shot_id" WHERE v."id" = NEW."shot_version_id"),
    (SELECT a."project_id" FROM "assets" a WHERE a."id" = NEW."asset_id"));
  RETURN NEW;
END $$;
CREATE TRIGGER "tasks_have_project" BEFORE INSERT ON "tasks"
  FOR EACH ROW WHEN (NEW."project_id" IS NULL) EXECUTE FUNCTION "tasks_have_project"();

-- What waits, a queue for each project: by priority, what rendering waits for first, then by age; within it the tasks of one
-- shot version lie together. The zero id stands for none.
DROP INDEX "tasks_pending";
CREATE INDEX "tasks_queue" ON "tasks" ("project_id", (-"priority"), (CASE WHEN "kind" = 'render' THEN 1 ELSE 0 END), "created_at",
  (coalesce("shot_version_id", '00000000-0000-0000-0000-000000000000'::uuid)), "start_frame", "id") WHERE "state" = 'pending';
-- What runs, to count it by project.
CREATE INDEX "tasks_at_work" ON "tasks" ("project_id") WHERE "state" IN ('leased', 'reported');
-- Whether anything of a shot is left to do.
CREATE INDEX "tasks_open" ON "tasks" ("shot_version_id", "kind") WHERE "state" <> 'accepted';

-- The heads of the queues that a lane of these kinds and this parity class could work on, at most so many of each project.
-- Goes from one shot version to the next through the index: what it costs depends on how many are looked at, never on how
-- many tasks they have.
CREATE FUNCTION "task_queues"(lane_kinds task_kind[], lane_class text, pass_over uuid[], most integer)
RETURNS TABLE (project_id uuid, weight integer, most_lanes integer, running bigint, urgency integer, kind_rank integer,
               waiting_since timestamptz, queue uuid, begun boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  project uuid := '00000000-0000-0000-0000-000000000000';
  head record;
  found_here integer;
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
             AND (v.state = 'analysing' AND head.kind = 'analyse'
                  OR v.state = 'rendering' AND head.kind = 'render'
                     AND (v.parity_class IS NULL OR v.parity_class = lane_class))
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

-- Whoever remembers a token for a moment forgets it at once when it, or its worker, changes.
CREATE FUNCTION "tokens_tell_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('understudy_tokens', '');
  RETURN NULL;
END $$;
CREATE TRIGGER "tokens_tell_change" AFTER UPDATE OR DELETE ON "tokens"
  FOR EACH STATEMENT EXECUTE FUNCTION "tokens_tell_change"();
CREATE TRIGGER "workers_tell_change" AFTER UPDATE OR DELETE ON "workers"
  FOR EACH STATEMENT EXECUTE FUNCTION "tokens_tell_change"();
