-- What only the database's owner decides, at setup; the running service reads it.
CREATE TABLE "farm_settings" (
  "name" TEXT NOT NULL,
  "value" TEXT NOT NULL,
  CONSTRAINT "farm_settings_pkey" PRIMARY KEY ("name")
);

ALTER TABLE "users" ADD COLUMN "created_by" UUID;

-- A role that releases or grants is asked for by one org admin and given by another.
CREATE TABLE "role_requests" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  -- Null for a role on the whole farm.
  "project_id" UUID,
  "role" TEXT NOT NULL,
  "requested_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "approved_by" UUID,
  "declined_by" UUID,
  "decided_at" TIMESTAMPTZ(3),
  -- One person was enough, because the farm's owner set it up so.
  "waived" BOOLEAN NOT NULL DEFAULT false,
  -- A role that was taken away again is not given by what was decided before.
  "used_at" TIMESTAMPTZ(3),
  CONSTRAINT "role_requests_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "role_requests_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
  CONSTRAINT "role_requests_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id"),
  CONSTRAINT "role_requests_role_check" CHECK (CASE WHEN "project_id" IS NULL THEN "role" IN ('org_admin', 'farm_operator')
    ELSE "role" IN ('producer', 'artist', 'consent_officer', 'compliance_auditor') END),
  CONSTRAINT "role_requests_four_eyes" CHECK ("approved_by" <> "requested_by" AND "approved_by" <> "user_id"),
  CONSTRAINT "role_requests_decided_check" CHECK (num_nonnulls("approved_by", "declined_by") <= 1
    AND ("decided_at" IS NOT NULL) = (num_nonnulls("approved_by", "declined_by") = 1 OR "waived")
    AND NOT ("waived" AND num_nonnulls("approved_by", "declined_by") > 0))
);
CREATE INDEX "role_requests_user_id_idx" ON "role_requests" ("user_id");
CREATE UNIQUE INDEX "role_requests_one_open" ON "role_requests" ("user_id", "role", coalesce("project_id", '00000000-0000-0000-0000-000000000000'::uuid))
  WHERE "decided_at" IS NULL;

CREATE FUNCTION "role_requests_hold"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD."decided_at" IS NOT NULL AND OLD."used_at" IS NULL AND NEW."used_at" IS NOT NULL
     AND to_jsonb(OLD) - 'used_at' = to_jsonb(NEW) - 'used_at' THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND (OLD."decided_at" IS NOT NULL
     OR (OLD."id", OLD."user_id", OLD."project_id", OLD."role", OLD."requested_by", OLD."created_at", OLD."expires_at")
        IS DISTINCT FROM (NEW."id", NEW."user_id", NEW."project_id", NEW."role", NEW."requested_by", NEW."created_at", NEW."expires_at")) THEN
    RAISE EXCEPTION 'what was asked for or decided stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  IF NEW."waived" AND NOT EXISTS (SELECT FROM "farm_settings" WHERE "name" = 'accounts' AND "value" = 'simple') THEN
    RAISE EXCEPTION 'this farm gives such a role by two people' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  IF NEW."approved_by" IS NOT NULL AND (NEW."expires_at" <= now() OR NOT EXISTS (
       SELECT FROM "users" WHERE "id" = NEW."approved_by" AND "disabled_at" IS NULL AND 'org_admin' = ANY ("farm_roles"))) THEN
    RAISE EXCEPTION 'it ran out, or who approves is no org admin' USING ERRCODE = 'check_violation', CONSTRAINT = 'role_requests_hold';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "role_requests_hold" BEFORE INSERT OR UPDATE ON "role_requests"
  FOR EACH ROW EXECUTE FUNCTION "role_requests_hold"();

-- Uses a gift up. False where there is none.
CREATE FUNCTION "role_gift_used"("who" UUID, "where" UUID, "what" TEXT) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "role_requests" SET "used_at" = now() WHERE "id" = (
    SELECT r."id" FROM "role_requests" r WHERE r."user_id" = "who" AND r."project_id" IS NOT DISTINCT FROM "where"
      AND r."role" = "what" AND r."used_at" IS NULL AND (r."approved_by" IS NOT NULL OR r."waived") LIMIT 1);
  RETURN FOUND;
END $$;

-- The running service puts such a role down only where it was given; the owner, who sets the farm up, needs nobody.
CREATE FUNCTION "memberships_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."role" IN ('producer', 'consent_officer')
     AND NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     AND (SELECT "profile" FROM "projects" WHERE "id" = NEW."project_id") = 'farm'
     AND NOT "role_gift_used"(NEW."user_id", NEW."project_id", NEW."role"::text) THEN
    RAISE EXCEPTION 'a role that releases or grants is given by two people' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'memberships_by_two';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "memberships_by_two" BEFORE INSERT OR UPDATE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION "memberships_by_two"();

CREATE FUNCTION "farm_roles_by_two"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  held "farm_role"[] := CASE WHEN TG_OP = 'UPDATE' THEN OLD."farm_roles" ELSE '{}' END;
BEGIN
  IF NOT NEW."farm_roles" <@ held
     AND NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     AND EXISTS (SELECT FROM unnest(NEW."farm_roles") AS n("role")
                 WHERE n."role" <> ALL (held) AND NOT "role_gift_used"(NEW."id", NULL, n."role"::text)) THEN
    RAISE EXCEPTION 'a role that releases or grants is given by two people' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'farm_roles_by_two';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "farm_roles_by_two" BEFORE INSERT OR UPDATE OF "farm_roles" ON "users"
  FOR EACH ROW EXECUTE FUNCTION "farm_roles_by_two"();

-- A link that makes an account once. Its secret is kept as a hash alone.
CREATE TABLE "invitations" (
  "id" UUID NOT NULL,
  "email" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "hash" CHAR(64) NOT NULL,
  -- The roles that come with it: {farmRoles, memberships: [{projectId, role}]}.
  "roles" JSONB NOT NULL,
  "invited_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "accepted_at" TIMESTAMPTZ(3),
  "revoked_at" TIMESTAMPTZ(3),
  "user_id" UUID,
  CONSTRAINT "invitations_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "invitations_invited_by_fkey" FOREIGN KEY ("invited_by") REFERENCES "users" ("id"),
  CONSTRAINT "invitations_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
  CONSTRAINT "invitations_accepted_check" CHECK (("accepted_at" IS NULL) = ("user_id" IS NULL))
);
CREATE UNIQUE INDEX "invitations_hash_key" ON "invitations" ("hash");
CREATE UNIQUE INDEX "invitations_user_id_key" ON "invitations" ("user_id");
CREATE UNIQUE INDEX "invitations_one_open" ON "invitations" ("email") WHERE "accepted_at" IS NULL AND "revoked_at" IS NULL;
