-- A session ends when it is left alone; it and a token know whether they were opened with a second factor.
ALTER TABLE "tokens" ADD COLUMN "second_factor" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "tokens" ADD COLUMN "last_used_at" TIMESTAMPTZ(3);

-- That a session was used again changes nothing that anybody remembers.
DROP TRIGGER "tokens_tell_change" ON "tokens";
CREATE TRIGGER "tokens_tell_change"
  AFTER DELETE OR UPDATE OF "hash", "kind", "user_id", "worker_id", "expires_at", "revoked_at" ON "tokens"
  FOR EACH STATEMENT EXECUTE FUNCTION "tokens_tell_change"();

CREATE TABLE "second_factors" (
  "user_id" UUID NOT NULL,
  -- The secret that counts, and one that waits for its first code; sealed by a key outside the database.
  "sealed" BYTEA,
  "pending" BYTEA,
  "pending_until" TIMESTAMPTZ(3),
  -- Steps up to this one were used.
  "last_step" BIGINT NOT NULL DEFAULT 0,
  "confirmed_at" TIMESTAMPTZ(3),
  CONSTRAINT "second_factors_pkey" PRIMARY KEY ("user_id"),
  CONSTRAINT "second_factors_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE,
  CONSTRAINT "second_factors_confirmed_check" CHECK (("sealed" IS NULL) = ("confirmed_at" IS NULL)),
  CONSTRAINT "second_factors_pending_check" CHECK (("pending" IS NULL) = ("pending_until" IS NULL))
);

-- A step counts once, whoever writes here.
CREATE FUNCTION "second_factors_step_only_grows"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."last_step" < OLD."last_step" AND NEW."sealed" IS NOT DISTINCT FROM OLD."sealed" THEN
    RAISE EXCEPTION 'a step of a second factor is not used again' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'second_factors_step_only_grows';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "second_factors_step_only_grows" BEFORE UPDATE ON "second_factors"
  FOR EACH ROW EXECUTE FUNCTION "second_factors_step_only_grows"();

CREATE TABLE "recovery_codes" (
  "user_id" UUID NOT NULL,
  "hash" CHAR(64) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  CONSTRAINT "recovery_codes_pkey" PRIMARY KEY ("user_id", "hash"),
  CONSTRAINT "recovery_codes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE
);
