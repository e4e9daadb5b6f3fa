-- Shots of a project that are watched and ordered as one, under a name; more may join at any time.
CREATE TABLE "batches" (
  "id" UUID NOT NULL,
  "project_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "created_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "batches_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "batches_project_id_name_key" ON "batches" ("project_id", "name");
ALTER TABLE "batches" ADD CONSTRAINT "batches_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "shots" ADD COLUMN "batch_id" UUID;
CREATE INDEX "shots_batch_id_idx" ON "shots" ("batch_id");
ALTER TABLE "shots" ADD CONSTRAINT "shots_batch_id_fkey" FOREIGN KEY ("batch_id") REFERENCES "batches" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
