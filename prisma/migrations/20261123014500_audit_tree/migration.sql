-- The log's Merkle tree, built beside the writers: they put events down without waiting for each other, one sequencer
-- gives each its place.

-- The transaction that wrote an event. Whatever was written by transactions older than every one still running is settled:
-- no event of theirs is to come.
ALTER TABLE "audit_events" ADD COLUMN "written_in" BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX "audit_events_written_in_sequence_idx" ON "audit_events" ("written_in", "sequence");

CREATE TABLE "audit_leaves" (
  "index" BIGINT NOT NULL,
  "event_sequence" BIGINT NOT NULL,
  "hash" BYTEA NOT NULL,
  CONSTRAINT "audit_leaves_pkey" PRIMARY KEY ("index")
);
CREATE UNIQUE INDEX "audit_leaves_event_sequence_key" ON "audit_leaves" ("event_sequence");

CREATE TABLE "audit_subtrees" (
  "level" INTEGER NOT NULL,
  "index" BIGINT NOT NULL,
  "hash" BYTEA NOT NULL,
  CONSTRAINT "audit_subtrees_pkey" PRIMARY KEY ("level", "index")
);

CREATE TABLE "audit_checkpoints" (
  "size" BIGINT NOT NULL,
  "root" BYTEA NOT NULL,
  "frontier" BYTEA NOT NULL,
  "settled_before" BIGINT NOT NULL,
  "note" TEXT NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "audit_checkpoints_pkey" PRIMARY KEY ("size")
);

-- All of it only grows, like the events themselves.
CREATE TRIGGER "audit_leaves_rows_stay" BEFORE UPDATE OR DELETE ON "audit_leaves"
  FOR EACH ROW EXECUTE FUNCTION "audit_events_append_only"();
CREATE TRIGGER "audit_leaves_table_stays" BEFORE TRUNCATE ON "audit_leaves"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_append_only"();
CREATE TRIGGER "audit_subtrees_rows_stay" BEFORE UPDATE OR DELETE ON "audit_subtrees"
  FOR EACH ROW EXECUTE FUNCTION "audit_events_append_only"();
CREATE TRIGGER "audit_subtrees_table_stays" BEFORE TRUNCATE ON "audit_subtrees"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_append_only"();
CREATE TRIGGER "audit_checkpoints_rows_stay" BEFORE UPDATE OR DELETE ON "audit_checkpoints"
  FOR EACH ROW EXECUTE FUNCTION "audit_events_append_only"();
CREATE TRIGGER "audit_checkpoints_table_stays" BEFORE TRUNCATE ON "audit_checkpoints"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_append_only"();
ALTER TABLE "audit_leaves" ENABLE ALWAYS TRIGGER "audit_leaves_rows_stay";
ALTER TABLE "audit_leaves" ENABLE ALWAYS TRIGGER "audit_leaves_table_stays";
ALTER TABLE "audit_subtrees" ENABLE ALWAYS TRIGGER "audit_subtrees_rows_stay";
ALTER TABLE "audit_subtrees" ENABLE ALWAYS TRIGGER "audit_subtrees_table_stays";
ALTER TABLE "audit_checkpoints" ENABLE ALWAYS TRIGGER "audit_checkpoints_rows_stay";
ALTER TABLE "audit_checkpoints" ENABLE ALWAYS TRIGGER "audit_checkpoints_table_stays";
