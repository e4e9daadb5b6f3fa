-- Four eyes and the least level of a consent hang on what a project was created as: it stays that.
CREATE FUNCTION "projects_terms_stay"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD."profile", OLD."least_level") IS DISTINCT FROM (NEW."profile", NEW."least_level") THEN
    RAISE EXCEPTION 'a project stays what it was created as' USING ERRCODE = 'check_violation', CONSTRAINT = 'projects_terms_stay';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "projects_terms_stay" BEFORE UPDATE ON "projects"
  FOR EACH ROW EXECUTE FUNCTION "projects_terms_stay"();
ALTER TABLE "projects" ENABLE ALWAYS TRIGGER "projects_terms_stay";
