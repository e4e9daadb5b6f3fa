-- A compliance auditor is the second person of a restore: whom one org admin alone could make, that admin could be.
CREATE OR REPLACE FUNCTION "memberships_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."role" IN ('producer', 'consent_officer', 'compliance_auditor')
     AND NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     AND (SELECT "profile" FROM "projects" WHERE "id" = NEW."project_id") = 'farm'
     AND NOT "role_gift_used"(NEW."user_id", NEW."project_id", NEW."role"::text) THEN
    RAISE EXCEPTION 'a role that releases or grants is given by two people' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'memberships_by_two';
  END IF;
  RETURN NEW;
END $$;
