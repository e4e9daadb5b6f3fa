-- Read backwards for the newest intent, so that the schema can name the index as it is.
DROP INDEX "outbox_stage_key_created_at_idx";
CREATE INDEX "outbox_stage_key_created_at_idx" ON "outbox" ("stage", "key", "created_at");
