-- What people typed into an event, beside the log: the event holds SHA-256(salt || value). It may be deleted, by two people; the
-- log and every proof in it stay as they are.
CREATE TABLE "audit_personal" (
  "event_id" UUID NOT NULL,
  -- Of the event's data.
  "field" TEXT NOT NULL,
  "salt" BYTEA NOT NULL,
  "value" TEXT NOT NULL,
  CONSTRAINT "audit_personal_pkey" PRIMARY KEY ("event_id", "field"),
  CONSTRAINT "audit_personal_salt_check" CHECK (octet_length("salt") = 32)
);

-- Asked for by one person, approved by another, and bound to these very events.
CREATE TABLE "audit_erasures" (
  "id" UUID NOT NULL,
  -- Null for events of the farm.
  "project_id" UUID,
  "event_ids" UUID[] NOT NULL,
  "reason" TEXT NOT NULL,
  "asked_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "approved_by" UUID,
  "declined_by" UUID,
  "decided_at" TIMESTAMPTZ(3),
  -- When the openings were deleted: once.
  "used_at" TIMESTAMPTZ(3),
  "seal" BYTEA,
  CONSTRAINT "audit_erasures_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "audit_erasures_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id"),
  CONSTRAINT "audit_erasures_events_check" CHECK (cardinality("event_ids") BETWEEN 1 AND 1000),
  CONSTRAINT "audit_erasures_four_eyes" CHECK ("approved_by" <> "asked_by"),
  CONSTRAINT "audit_erasures_decided_check" CHECK (num_nonnulls("approved_by", "declined_by") <= 1
    AND ("decided_at" IS NOT NULL) = (num_nonnulls("approved_by", "declined_by") = 1)),
  CONSTRAINT "audit_erasures_used_check" CHECK ("used_at" IS NULL OR "approved_by" IS NOT NULL)
);
CREATE INDEX "audit_erasures_project_id_idx" ON "audit_erasures" ("project_id");

-- For what one person asks and another decides: what was asked stays, what was decided stays, and it is used once.
CREATE FUNCTION "asked_by_one_decided_by_another"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  free text[] := ARRAY['used_at', 'seal'];
BEGIN
  IF TG_OP = 'DELETE' OR (TG_OP = 'INSERT' AND NEW."decided_at" IS NOT NULL) THEN
    RAISE EXCEPTION 'it is asked for, then decided, and stays' USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF OLD."decided_at" IS NULL THEN
      free := free || ARRAY['approved_by', 'declined_by', 'decided_at'];
    END IF;
    IF to_jsonb(OLD) - free <> to_jsonb(NEW) - free
       OR (OLD."used_at" IS NOT NULL AND NEW."used_at" IS DISTINCT FROM OLD."used_at") THEN
      RAISE EXCEPTION 'what was asked for or decided stays' USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    IF OLD."approved_by" IS NULL AND NEW."approved_by" IS NOT NULL AND (NEW."expires_at" <= now()
       OR NOT EXISTS (SELECT FROM "users" WHERE "id" = NEW."approved_by" AND "disabled_at" IS NULL)) THEN
      RAISE EXCEPTION 'it ran out, or who approves is shut out' USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "audit_erasures_hold" BEFORE INSERT OR UPDATE OR DELETE ON "audit_erasures"
  FOR EACH ROW EXECUTE FUNCTION "asked_by_one_decided_by_another"();

CREATE FUNCTION "audit_personal_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM "audit_erasures" WHERE "approved_by" IS NOT NULL AND "used_at" IS NULL
       AND OLD."event_id" = ANY ("event_ids")) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'what the log commits to is erased by two people, and never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER "audit_personal_by_two" BEFORE UPDATE OR DELETE ON "audit_personal"
  FOR EACH ROW EXECUTE FUNCTION "audit_personal_by_two"();
CREATE TRIGGER "audit_personal_stays" BEFORE TRUNCATE ON "audit_personal"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_append_only"();
ALTER TABLE "audit_personal" ENABLE ALWAYS TRIGGER "audit_personal_by_two";
ALTER TABLE "audit_personal" ENABLE ALWAYS TRIGGER "audit_personal_stays";
