-- The packs that a farm knows, version by version. Their files stay with the lanes; the manifest pins each by its hash.
CREATE TABLE "model_packs" (
  "id" UUID NOT NULL,
  "pack" TEXT NOT NULL,
  "version" TEXT NOT NULL,
  "sha256" TEXT NOT NULL,
  "manifest" JSONB NOT NULL,
  "is_default" BOOLEAN NOT NULL DEFAULT false,
  "added_by" UUID NOT NULL,
  "approved_by" UUID,
  "approved_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "model_packs_pkey" PRIMARY KEY ("id"),
  -- Four eyes, whoever writes here.
  CONSTRAINT "model_packs_four_eyes" CHECK ("approved_by" <> "added_by"),
  CONSTRAINT "model_packs_approval_whole" CHECK (("approved_by" IS NULL) = ("approved_at" IS NULL)),
  CONSTRAINT "model_packs_default_approved" CHECK (NOT "is_default" OR "approved_by" IS NOT NULL)
);
CREATE UNIQUE INDEX "model_packs_pack_version_key" ON "model_packs" ("pack", "version");
CREATE UNIQUE INDEX "model_packs_one_default" ON "model_packs" ("pack") WHERE "is_default";

-- What was approved stays what it was.
CREATE FUNCTION "model_packs_stay"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD."id", OLD."pack", OLD."version", OLD."sha256", OLD."manifest", OLD."added_by")
     IS DISTINCT FROM (NEW."id", NEW."pack", NEW."version", NEW."sha256", NEW."manifest", NEW."added_by")
     OR OLD."approved_by" IS NOT NULL AND OLD."approved_by" IS DISTINCT FROM NEW."approved_by" THEN
    RAISE EXCEPTION 'pack % % does not change: add another version', OLD."pack", OLD."version"
      USING ERRCODE = 'check_violation', CONSTRAINT = 'model_packs_stay';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "model_packs_stay" BEFORE UPDATE ON "model_packs"
  FOR EACH ROW EXECUTE FUNCTION "model_packs_stay"();
