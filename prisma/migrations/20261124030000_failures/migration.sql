-- How a lane's newest attempts ended: the task's id for each that failed, a nil id for one that made something.
ALTER TABLE "lanes" RENAME COLUMN "failed_tasks" TO "recent_ends";
-- Why it is set aside, and how often its host was since it last made something.
ALTER TABLE "lanes" ADD COLUMN "set_aside_reason" TEXT;
ALTER TABLE "lanes" ADD COLUMN "host_faults" INTEGER NOT NULL DEFAULT 0;

-- What attempts up to this epoch failed with counts no more: somebody had the task tried anew.
ALTER TABLE "tasks" ADD COLUMN "forgiven_epoch" INTEGER NOT NULL DEFAULT 0;
