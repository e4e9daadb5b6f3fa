-- The account for the day when nobody else can get in: two org admins seal it, using it is loud and lasts an hour.
CREATE TABLE "break_glass" (
  "user_id" UUID NOT NULL,
  -- Who asked for a seal, and the half of the password that they were shown, until the other half is made.
  "asked_by" UUID,
  "asked_half" BYTEA,
  "sealed_by" UUID,
  "sealed_at" TIMESTAMPTZ(3),
  -- When the seal was broken; it opens no more until two people have sealed it anew.
  "opened_at" TIMESTAMPTZ(3),
  CONSTRAINT "break_glass_pkey" PRIMARY KEY ("user_id"),
  CONSTRAINT "break_glass_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
  CONSTRAINT "break_glass_four_eyes" CHECK ("sealed_by" <> "asked_by" AND "sealed_by" <> "user_id" AND "asked_by" <> "user_id"),
  CONSTRAINT "break_glass_opened_check" CHECK ("opened_at" IS NULL OR "sealed_at" IS NOT NULL)
);

CREATE FUNCTION "break_glass_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was "break_glass" := CASE WHEN TG_OP = 'UPDATE' THEN OLD END;
  -- Whether the account could let somebody in by this who was not let in before it.
  is_sealed boolean;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a break-glass account stays one' USING ERRCODE = 'check_violation', CONSTRAINT = 'break_glass_by_two';
  END IF;
  is_sealed := NEW."sealed_at" IS DISTINCT FROM was."sealed_at"
    OR (was."opened_at" IS NOT NULL AND NEW."opened_at" IS DISTINCT FROM was."opened_at");
  IF is_sealed AND (NEW."opened_at" IS NOT NULL OR NEW."asked_by" IS DISTINCT FROM was."asked_by"
       OR NEW."sealed_at" IS NOT DISTINCT FROM was."sealed_at"
       -- What was asked for is used up: each seal wants both of them anew.
       OR was."asked_half" IS NULL OR NEW."asked_half" IS NOT NULL
       OR (SELECT count(*) FROM "users" WHERE "id" IN (NEW."sealed_by", NEW."asked_by")
             AND "disabled_at" IS NULL AND 'org_admin' = ANY ("farm_roles")) < 2) THEN
    RAISE EXCEPTION 'two org admins seal it' USING ERRCODE = 'check_violation', CONSTRAINT = 'break_glass_by_two';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "break_glass_by_two" BEFORE INSERT OR UPDATE OR DELETE ON "break_glass"
  FOR EACH ROW EXECUTE FUNCTION "break_glass_by_two"();
-- One a farm.
CREATE UNIQUE INDEX "break_glass_one" ON "break_glass" ((true));
