-- A database that holds less than its anchors, or something else, gives leases again once two people have said so, of this very
-- difference: the anchored head and the log's own.
CREATE TABLE "restore_acceptances" (
  "id" UUID NOT NULL,
  "anchored_size" BIGINT NOT NULL,
  "anchored_root" CHAR(64) NOT NULL,
  "log_size" BIGINT NOT NULL,
  "log_root" CHAR(64) NOT NULL,
  "reason" TEXT NOT NULL,
  "asked_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "approved_by" UUID,
  "decided_at" TIMESTAMPTZ(3),
  -- When the anchors began anew.
  "used_at" TIMESTAMPTZ(3),
  "seal" BYTEA,
  CONSTRAINT "restore_acceptances_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "restore_acceptances_four_eyes" CHECK ("approved_by" <> "asked_by"),
  CONSTRAINT "restore_acceptances_decided_check" CHECK (("decided_at" IS NULL) = ("approved_by" IS NULL)),
  CONSTRAINT "restore_acceptances_used_check" CHECK ("used_at" IS NULL OR "approved_by" IS NOT NULL)
);
CREATE TRIGGER "restore_acceptances_hold" BEFORE INSERT OR UPDATE OR DELETE ON "restore_acceptances"
  FOR EACH ROW EXECUTE FUNCTION "asked_by_one_decided_by_another"();
