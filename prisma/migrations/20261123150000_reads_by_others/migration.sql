-- Workers that get a task only while there is no other that can do it: who rendered a frame does not say whose face it shows.
ALTER TABLE "tasks" ADD COLUMN "avoid_workers" UUID[] NOT NULL DEFAULT '{}';
