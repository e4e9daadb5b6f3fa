-- An account that is to be a performer is asked for by an org admin and given by a consent officer of the performer's project.
ALTER TABLE "role_requests" ADD COLUMN "performer_id" UUID;
ALTER TABLE "role_requests" ADD CONSTRAINT "role_requests_performer_id_fkey" FOREIGN KEY ("performer_id") REFERENCES "performers" ("id");
ALTER TABLE "role_requests" DROP CONSTRAINT "role_requests_role_check";
ALTER TABLE "role_requests" ADD CONSTRAINT "role_requests_role_check" CHECK (
  (CASE WHEN "project_id" IS NULL THEN "role" IN ('org_admin', 'farm_operator')
    ELSE "role" IN ('producer', 'artist', 'consent_officer', 'compliance_auditor', 'performer') END)
  AND ("role" = 'performer') = ("performer_id" IS NOT NULL));

CREATE OR REPLACE FUNCTION "role_requests_hold"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD."decided_at" IS NOT NULL AND OLD."used_at" IS NULL AND NEW."used_at" IS NOT NULL
     AND to_jsonb(OLD) - 'used_at' = to_jsonb(NEW) - 'used_at' THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND (OLD."decided_at" IS NOT NULL
     OR (OLD."id", OLD."user_id", OLD."project_id", OLD."role", OLD."performer_id", OLD."requested_by", OLD."created_at", OLD."expires_at")
        IS DISTINCT FROM (NEW."id", NEW."user_id", NEW."project_id", NEW."role", NEW."performer_id", NEW."requested_by", NEW."created_at", NEW."expires_at")) THEN
    RAISE EXCEPTION 'what was asked for or decided stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  IF NEW."waived" AND NOT EXISTS (SELECT FROM "farm_settings" WHERE "name" = 'accounts' AND "value" = 'simple') THEN
    RAISE EXCEPTION 'this farm gives such a role by two people' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  IF NEW."performer_id" IS NOT NULL AND NOT EXISTS (
       SELECT FROM "performers" WHERE "id" = NEW."performer_id" AND "project_id" = NEW."project_id") THEN
    RAISE EXCEPTION 'the performer is of another project' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  IF NEW."approved_by" IS NOT NULL AND (NEW."expires_at" <= now() OR NOT EXISTS (
       SELECT FROM "users" u WHERE u."id" = NEW."approved_by" AND u."disabled_at" IS NULL
         AND CASE WHEN NEW."role" = 'performer' THEN EXISTS (
               SELECT FROM "memberships" m WHERE m."user_id" = u."id" AND m."project_id" = NEW."project_id" AND m."role" = 'consent_officer')
             ELSE 'org_admin' = ANY (u."farm_roles") END)) THEN
    RAISE EXCEPTION 'it ran out, or who approves is no org admin, or no consent officer of the performer''s project' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  RETURN NEW;
END $$;

-- The running service makes nobody a performer who was not given it, once; the owner, who sets the farm up, needs nobody.
CREATE FUNCTION "performer_accounts_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  project record;
BEGIN
  SELECT p."id", p."profile" INTO project FROM "performers" f JOIN "projects" p ON p."id" = f."project_id" WHERE f."id" = NEW."performer_id";
  IF project."profile" <> 'farm' OR pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
    RETURN NEW;
  END IF;
  UPDATE "role_requests" SET "used_at" = now() WHERE "id" = (
    SELECT r."id" FROM "role_requests" r WHERE r."user_id" = NEW."user_id" AND r."performer_id" = NEW."performer_id"
      AND r."used_at" IS NULL AND (r."approved_by" IS NOT NULL OR r."waived") LIMIT 1);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'who is a performer is said by two people' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'performer_accounts_by_two';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "performer_accounts_by_two" BEFORE INSERT OR UPDATE OF "performer_id", "user_id" ON "performer_accounts"
  FOR EACH ROW EXECUTE FUNCTION "performer_accounts_by_two"();
