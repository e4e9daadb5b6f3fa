-- Who signs in as which performer.
CREATE TABLE "performer_accounts" (
  "performer_id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "invited_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "seal" BYTEA,
  CONSTRAINT "performer_accounts_pkey" PRIMARY KEY ("performer_id", "user_id"),
  CONSTRAINT "performer_accounts_performer_id_fkey" FOREIGN KEY ("performer_id") REFERENCES "performers" ("id"),
  CONSTRAINT "performer_accounts_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
  CONSTRAINT "performer_accounts_two_people" CHECK ("invited_by" <> "user_id")
);
CREATE INDEX "performer_accounts_user_id_idx" ON "performer_accounts" ("user_id");

ALTER TABLE "invitations" ADD COLUMN "performer_id" UUID;
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_performer_id_fkey" FOREIGN KEY ("performer_id") REFERENCES "performers" ("id");

-- Public keys that performers made in their own browsers.
CREATE TABLE "performer_keys" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "public_key" BYTEA NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "retired_at" TIMESTAMPTZ(3),
  CONSTRAINT "performer_keys_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "performer_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
  CONSTRAINT "performer_keys_ed25519" CHECK (octet_length("public_key") = 32)
);
CREATE UNIQUE INDEX "performer_keys_public_key_key" ON "performer_keys" ("public_key");
CREATE INDEX "performer_keys_user_id_idx" ON "performer_keys" ("user_id");

-- What a performer signed, as they signed it.
CREATE TABLE "consent_signatures" (
  "consent_id" UUID NOT NULL,
  "key_id" UUID NOT NULL,
  "statement" TEXT NOT NULL,
  "signature" BYTEA NOT NULL,
  "signed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "consent_signatures_pkey" PRIMARY KEY ("consent_id"),
  CONSTRAINT "consent_signatures_consent_id_fkey" FOREIGN KEY ("consent_id") REFERENCES "consents" ("id"),
  CONSTRAINT "consent_signatures_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "performer_keys" ("id"),
  CONSTRAINT "consent_signatures_ed25519" CHECK (octet_length("signature") = 64)
);

CREATE FUNCTION "consent_signatures_stay"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'what was signed stays as it was signed' USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_signatures_stay';
END $$;
CREATE TRIGGER "consent_signatures_stay" BEFORE UPDATE OR DELETE ON "consent_signatures"
  FOR EACH ROW EXECUTE FUNCTION "consent_signatures_stay"();

-- Level L2 is the performer's own signature, and whoever signed is not who activates.
CREATE FUNCTION "consents_signed"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."level" = 'L2' AND NOT EXISTS (SELECT FROM "consent_signatures" WHERE "consent_id" = NEW."id") THEN
    RAISE EXCEPTION 'no performer has signed consent %', NEW."id" USING ERRCODE = 'check_violation', CONSTRAINT = 'consents_signed';
  END IF;
  IF NEW."activated_by" IS NOT NULL AND EXISTS (
    SELECT FROM "performer_accounts" WHERE "performer_id" = NEW."performer_id" AND "user_id" = NEW."activated_by") THEN
    RAISE EXCEPTION 'a performer does not activate their own consent' USING ERRCODE = 'check_violation', CONSTRAINT = 'consents_signed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "consents_signed" BEFORE INSERT OR UPDATE OF "level", "activated_by" ON "consents"
  FOR EACH ROW EXECUTE FUNCTION "consents_signed"();
