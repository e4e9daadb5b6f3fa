-- When the templates of people outside every cast were forgotten; such an analysis tells nobody apart any more.
ALTER TABLE "analyses" ADD COLUMN "templates_dropped_at" TIMESTAMPTZ(3);

-- The newest intent of a stage for one thing, relayed or not.
CREATE INDEX "outbox_stage_key_created_at_idx" ON "outbox" ("stage", "key", "created_at" DESC);

-- Four eyes: in a farm's project nobody releases what they submitted themselves.
CREATE FUNCTION "deliveries_four_eyes"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."released_by" IS NOT NULL AND EXISTS (
    SELECT 1 FROM "shot_versions" v
      JOIN "shots" s ON s."id" = v."shot_id"
      JOIN "projects" p ON p."id" = s."project_id"
     WHERE v."id" = NEW."shot_version_id" AND v."created_by" = NEW."released_by" AND p."profile" = 'farm'
  ) THEN
    RAISE EXCEPTION 'whoever submitted a shot does not release it' USING ERRCODE = 'check_violation', CONSTRAINT = 'deliveries_four_eyes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "deliveries_four_eyes" BEFORE INSERT OR UPDATE OF "released_by", "shot_version_id" ON "deliveries"
  FOR EACH ROW EXECUTE FUNCTION "deliveries_four_eyes"();
