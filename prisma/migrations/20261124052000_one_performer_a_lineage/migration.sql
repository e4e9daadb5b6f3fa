-- All versions of a consent are one performer's, on one side, in one project: nobody's document ends what another agreed to.
CREATE FUNCTION "consents_one_performer_a_lineage"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM "consents" o WHERE o."lineage_id" = NEW."lineage_id" AND o."id" <> NEW."id"
       AND (o."performer_id", o."role", o."project_id") IS DISTINCT FROM (NEW."performer_id", NEW."role", NEW."project_id")) THEN
    RAISE EXCEPTION 'the versions of consent % are of another performer', NEW."lineage_id"
      USING ERRCODE = 'check_violation', CONSTRAINT = 'consents_one_performer_a_lineage';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "consents_one_performer_a_lineage" BEFORE INSERT OR UPDATE OF "lineage_id", "performer_id", "role", "project_id" ON "consents"
  FOR EACH ROW EXECUTE FUNCTION "consents_one_performer_a_lineage"();
