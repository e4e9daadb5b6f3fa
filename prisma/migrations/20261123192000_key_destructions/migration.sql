-- The end of a project's key: asked for by one person, approved by another. What was sealed under the key is then nobody's to
-- read, in any copy; the rows stay, as the record of what there was.
CREATE TABLE "key_destructions" (
  "id" UUID NOT NULL,
  "project_id" UUID NOT NULL,
  "reason" TEXT NOT NULL,
  "asked_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "approved_by" UUID,
  "declined_by" UUID,
  "decided_at" TIMESTAMPTZ(3),
  -- When nothing was left and the log had the certificate.
  "used_at" TIMESTAMPTZ(3),
  "seal" BYTEA,
  CONSTRAINT "key_destructions_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "key_destructions_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id"),
  CONSTRAINT "key_destructions_four_eyes" CHECK ("approved_by" <> "asked_by"),
  CONSTRAINT "key_destructions_decided_check" CHECK (num_nonnulls("approved_by", "declined_by") <= 1
    AND ("decided_at" IS NOT NULL) = (num_nonnulls("approved_by", "declined_by") = 1)),
  CONSTRAINT "key_destructions_used_check" CHECK ("used_at" IS NULL OR "approved_by" IS NOT NULL)
);
CREATE INDEX "key_destructions_project_id_idx" ON "key_destructions" ("project_id");
CREATE UNIQUE INDEX "key_destructions_once" ON "key_destructions" ("project_id") WHERE "approved_by" IS NOT NULL;
CREATE TRIGGER "key_destructions_hold" BEFORE INSERT OR UPDATE OR DELETE ON "key_destructions"
  FOR EACH ROW EXECUTE FUNCTION "asked_by_one_decided_by_another"();

-- From here on nothing is made in the project.
ALTER TABLE "projects" ADD COLUMN "key_destroyed_at" TIMESTAMPTZ(3);

CREATE FUNCTION "projects_end_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD."key_destroyed_at" IS NOT NULL OR NOT EXISTS (
       SELECT FROM "key_destructions" WHERE "project_id" = NEW."id" AND "approved_by" IS NOT NULL) THEN
    RAISE EXCEPTION 'a project ends by two people, once' USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "projects_end_by_two" BEFORE UPDATE ON "projects" FOR EACH ROW
  WHEN (NEW."key_destroyed_at" IS DISTINCT FROM OLD."key_destroyed_at") EXECUTE FUNCTION "projects_end_by_two"();

-- Held until the transaction ends, so that a project's end waits for what is just being made in it, or that for the end.
CREATE FUNCTION "require_project_key"("of" UUID) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  destroyed_at TIMESTAMPTZ;
BEGIN
  SELECT "key_destroyed_at" INTO destroyed_at FROM "projects" WHERE "id" = "of" FOR KEY SHARE;
  IF destroyed_at IS NOT NULL THEN
    RAISE EXCEPTION 'project_key_destroyed' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_key_destroyed';
  END IF;
END $$;
CREATE FUNCTION "project_key_is_there"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM "require_project_key"(NEW."project_id");
  RETURN NEW;
END $$;
CREATE TRIGGER "assets_project_key_is_there" BEFORE INSERT ON "assets"
  FOR EACH ROW EXECUTE FUNCTION "project_key_is_there"();
CREATE TRIGGER "batches_project_key_is_there" BEFORE INSERT ON "batches"
  FOR EACH ROW EXECUTE FUNCTION "project_key_is_there"();
CREATE TRIGGER "consents_project_key_is_there" BEFORE INSERT ON "consents"
  FOR EACH ROW EXECUTE FUNCTION "project_key_is_there"();
CREATE TRIGGER "performers_project_key_is_there" BEFORE INSERT ON "performers"
  FOR EACH ROW EXECUTE FUNCTION "project_key_is_there"();
CREATE TRIGGER "shots_project_key_is_there" BEFORE INSERT ON "shots"
  FOR EACH ROW EXECUTE FUNCTION "project_key_is_there"();
CREATE TRIGGER "webhooks_project_key_is_there" BEFORE INSERT ON "webhooks"
  FOR EACH ROW EXECUTE FUNCTION "project_key_is_there"();

-- A version that ended stays ended: neither resumed, retried nor released.
CREATE FUNCTION "shot_project_key_is_there"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM "require_project_key"((SELECT "project_id" FROM "shots" WHERE "id" = NEW."shot_id"));
  RETURN NEW;
END $$;
CREATE TRIGGER "shot_versions_project_key_is_there" BEFORE INSERT OR UPDATE OF "state" ON "shot_versions" FOR EACH ROW
  WHEN (NEW."state" NOT IN ('revoked', 'failed', 'cancelled')) EXECUTE FUNCTION "shot_project_key_is_there"();
