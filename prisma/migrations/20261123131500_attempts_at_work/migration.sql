-- What a lane is at now is looked for at each of its reports: not among all that it ever did.
CREATE INDEX "attempts_at_work" ON "attempts" ("lane_id") WHERE "state" IN ('running', 'reported');

-- A heartbeat changes when its lease ends and how far it is, a hundred times a task. With neither of them indexed and some
-- room on each page no index is written for it; what has run out is found among what runs.
DROP INDEX "attempts_expiring";
ALTER TABLE "attempts" SET (fillfactor = 70);
ALTER TABLE "lanes" SET (fillfactor = 50);
-- `tasks_range_once` has the same columns.
DROP INDEX "tasks_shot_version_id_kind_start_frame_idx";
