-- A model of one performer (family dfm) is that performer's alone: whoever registers it says whose it is.
ALTER TABLE "model_packs" ADD COLUMN "performer_id" UUID;
ALTER TABLE "model_packs" ADD CONSTRAINT "model_packs_performer_id_fkey"
  FOREIGN KEY ("performer_id") REFERENCES "performers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
-- Those of before belong to nobody, and no shot is planned with them: register them anew, as another version.
ALTER TABLE "model_packs" ADD CONSTRAINT "model_packs_performer_named"
  CHECK ((coalesce("manifest"->'decode'->>'family', '') = 'dfm') = ("performer_id" IS NOT NULL)) NOT VALID;

CREATE OR REPLACE FUNCTION "model_packs_stay"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD."id", OLD."pack", OLD."version", OLD."sha256", OLD."manifest", OLD."added_by", OLD."performer_id")
     IS DISTINCT FROM (NEW."id", NEW."pack", NEW."version", NEW."sha256", NEW."manifest", NEW."added_by", NEW."performer_id")
     OR OLD."approved_by" IS NOT NULL AND OLD."approved_by" IS DISTINCT FROM NEW."approved_by" THEN
    RAISE EXCEPTION 'pack % % does not change: add another version', OLD."pack", OLD."version"
      USING ERRCODE = 'check_violation', CONSTRAINT = 'model_packs_stay';
  END IF;
  RETURN NEW;
END $$;
