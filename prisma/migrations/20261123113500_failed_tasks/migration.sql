-- What is left to do of a shot, and what of it failed for good, in the order of frames: the first of either is found without
-- reading the others.
CREATE INDEX "tasks_failed" ON "tasks" ("shot_version_id", "kind", "start_frame") WHERE "state" = 'failed';
DROP INDEX "tasks_open";
CREATE INDEX "tasks_open" ON "tasks" ("shot_version_id", "kind", "start_frame") WHERE "state" <> 'accepted';
