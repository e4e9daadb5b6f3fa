CREATE TABLE "deletions" (
  "shot_version_id" UUID NOT NULL,
  "project_id" UUID NOT NULL,
  "shot_id" UUID NOT NULL,
  "consent_id" UUID NOT NULL,
  "due_at" TIMESTAMPTZ(3) NOT NULL,
  "done_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "deletions_pkey" PRIMARY KEY ("shot_version_id")
);
ALTER TABLE "deletions" ADD CONSTRAINT "deletions_shot_version_id_fkey" FOREIGN KEY ("shot_version_id") REFERENCES "shot_versions" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
CREATE INDEX "deletions_due_at_idx" ON "deletions" ("due_at");
