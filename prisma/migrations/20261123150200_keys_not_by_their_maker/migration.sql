-- Who made a worker knows its token, whoever asked for more projects since: its keys are somebody else's to let in.
CREATE OR REPLACE FUNCTION "worker_keys_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  worker record;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW."worker_id", NEW."public_key", NEW."fingerprint") IS DISTINCT FROM (OLD."worker_id", OLD."public_key", OLD."fingerprint")
     OR TG_OP = 'UPDATE' AND OLD."revoked_at" IS NOT NULL AND NEW."revoked_at" IS NULL THEN
    RAISE EXCEPTION 'a key stays what it was' USING ERRCODE = 'check_violation', CONSTRAINT = 'worker_keys_by_two';
  END IF;
  IF NEW."approved_at" IS NULL OR (TG_OP = 'UPDATE' AND OLD."approved_at" IS NOT NULL)
     OR pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     OR EXISTS (SELECT FROM "farm_settings" WHERE "name" = 'accounts' AND "value" = 'simple') THEN
    RETURN NEW;
  END IF;
  SELECT w."needs_approval", w."asked_by", w."created_by" INTO worker FROM "workers" w WHERE w."id" = NEW."worker_id";
  IF NEW."approved_by" IS NULL THEN
    IF worker."needs_approval" OR EXISTS (SELECT FROM "worker_keys" k WHERE k."worker_id" = NEW."worker_id" AND k."id" <> NEW."id") THEN
      RAISE EXCEPTION 'a worker''s key is let in by a person' USING ERRCODE = 'check_violation', CONSTRAINT = 'worker_keys_by_two';
    END IF;
  ELSIF NEW."approved_by" IN (worker."asked_by", worker."created_by") OR NOT EXISTS (
       SELECT FROM "users" WHERE "id" = NEW."approved_by" AND "disabled_at" IS NULL
         AND "farm_roles" && '{org_admin,farm_operator}'::"farm_role"[]) THEN
    RAISE EXCEPTION 'who approves a key is org admin or farm operator, and neither who made the worker nor who asked for what it may see'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'worker_keys_by_two';
  END IF;
  RETURN NEW;
END $$;
