-- A worker proves itself by a key that never leaves its host; its token is but the right to show one.
CREATE TABLE "worker_keys" (
  "id" UUID NOT NULL,
  "worker_id" UUID NOT NULL,
  -- Ed25519, raw, base64url.
  "public_key" TEXT NOT NULL,
  -- SHA-256 of the raw key: what people compare.
  "fingerprint" CHAR(64) NOT NULL,
  "first_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "approved_at" TIMESTAMPTZ(3),
  -- Null for the first key of a worker of the setup, which its owner's token pinned.
  "approved_by" UUID,
  "revoked_at" TIMESTAMPTZ(3),
  CONSTRAINT "worker_keys_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "worker_keys_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "workers" ("id"),
  CONSTRAINT "worker_keys_approved_check" CHECK ("approved_by" IS NULL OR "approved_at" IS NOT NULL)
);
CREATE UNIQUE INDEX "worker_keys_worker_id_public_key_key" ON "worker_keys" ("worker_id", "public_key");

CREATE FUNCTION "worker_keys_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  worker record;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW."worker_id", NEW."public_key", NEW."fingerprint") IS DISTINCT FROM (OLD."worker_id", OLD."public_key", OLD."fingerprint")
     OR TG_OP = 'UPDATE' AND OLD."revoked_at" IS NOT NULL AND NEW."revoked_at" IS NULL THEN
    RAISE EXCEPTION 'a key stays what it was' USING ERRCODE = 'check_violation', CONSTRAINT = 'worker_keys_by_two';
  END IF;
  IF NEW."approved_at" IS NULL OR (TG_OP = 'UPDATE' AND OLD."approved_at" IS NOT NULL)
     OR pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     OR EXISTS (SELECT FROM "farm_settings" WHERE "name" = 'accounts' AND "value" = 'simple') THEN
    RETURN NEW;
  END IF;
  SELECT w."needs_approval", w."asked_by" INTO worker FROM "workers" w WHERE w."id" = NEW."worker_id";
  IF NEW."approved_by" IS NULL THEN
    IF worker."needs_approval" OR EXISTS (SELECT FROM "worker_keys" k WHERE k."worker_id" = NEW."worker_id" AND k."id" <> NEW."id") THEN
      RAISE EXCEPTION 'a worker''s key is let in by a person' USING ERRCODE = 'check_violation', CONSTRAINT = 'worker_keys_by_two';
    END IF;
  ELSIF NEW."approved_by" IS NOT DISTINCT FROM worker."asked_by" OR NOT EXISTS (
       SELECT FROM "users" WHERE "id" = NEW."approved_by" AND "disabled_at" IS NULL
         AND "farm_roles" && '{org_admin,farm_operator}'::"farm_role"[]) THEN
    RAISE EXCEPTION 'who approves a key is org admin or farm operator, and not who asked for the worker'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'worker_keys_by_two';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "worker_keys_by_two" BEFORE INSERT OR UPDATE ON "worker_keys"
  FOR EACH ROW EXECUTE FUNCTION "worker_keys_by_two"();

-- What a worker is asked to sign; each once.
CREATE TABLE "worker_challenges" (
  "id" UUID NOT NULL,
  "worker_id" UUID NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "worker_challenges_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "worker_challenges_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "workers" ("id")
);
CREATE INDEX "worker_challenges_expires_at_idx" ON "worker_challenges" ("expires_at");

-- A worker's token that was given for a proof of this key; without one it is the right to join.
ALTER TABLE "tokens" ADD COLUMN "key_id" UUID;
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "worker_keys" ("id");
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_key_check" CHECK ("key_id" IS NULL OR ("kind" = 'worker' AND "expires_at" IS NOT NULL));
CREATE INDEX "tokens_key_id_idx" ON "tokens" ("key_id");

-- A key that ended takes what it opened along, and every replica learns of it.
CREATE FUNCTION "worker_keys_end"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "tokens" SET "revoked_at" = now() WHERE "key_id" = NEW."id" AND "revoked_at" IS NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER "worker_keys_end" AFTER UPDATE OF "revoked_at" ON "worker_keys"
  FOR EACH ROW WHEN (NEW."revoked_at" IS NOT NULL) EXECUTE FUNCTION "worker_keys_end"();
