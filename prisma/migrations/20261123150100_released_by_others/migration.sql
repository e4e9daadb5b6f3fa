-- Who brought about what a version shows: it takes over cast, settings and frames of the versions of its shot before it.
CREATE FUNCTION "submitters_of"("version_id" UUID) RETURNS UUID[] LANGUAGE sql STABLE AS $$
  SELECT array_agg(DISTINCT e."created_by") FROM "shot_versions" v
    JOIN "shot_versions" e ON e."shot_id" = v."shot_id" AND e."version" <= v."version"
   WHERE v."id" = "version_id"
$$;

-- Four eyes: in a farm's project nobody releases what they submitted, or what it was made of.
CREATE OR REPLACE FUNCTION "deliveries_four_eyes"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."released_by" = ANY ("submitters_of"(NEW."shot_version_id")) AND EXISTS (
    SELECT 1 FROM "shot_versions" v
      JOIN "shots" s ON s."id" = v."shot_id"
      JOIN "projects" p ON p."id" = s."project_id"
     WHERE v."id" = NEW."shot_version_id" AND p."profile" = 'farm'
  ) THEN
    RAISE EXCEPTION 'whoever submitted a shot does not release it' USING ERRCODE = 'check_violation', CONSTRAINT = 'deliveries_four_eyes';
  END IF;
  RETURN NEW;
END $$;
