-- Whom an OpenID Connect provider's account lets in: by issuer and subject, never by an address of mail.
CREATE TABLE "provider_accounts" (
  "issuer" TEXT NOT NULL,
  "subject" TEXT NOT NULL,
  "user_id" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "provider_accounts_pkey" PRIMARY KEY ("issuer", "subject"),
  CONSTRAINT "provider_accounts_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id")
);
CREATE UNIQUE INDEX "provider_accounts_user_id_issuer_key" ON "provider_accounts" ("user_id", "issuer");

-- Whose account it is stays so.
CREATE FUNCTION "provider_accounts_stay"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a provider account stays bound to whom it was' USING ERRCODE = 'check_violation',
    CONSTRAINT = 'provider_accounts_stay';
END $$;
CREATE TRIGGER "provider_accounts_stay" BEFORE UPDATE ON "provider_accounts"
  FOR EACH ROW EXECUTE FUNCTION "provider_accounts_stay"();

-- A sign-in through the provider, from the button to the session; of what the browser holds, hashes alone.
CREATE TABLE "single_sign_ons" (
  "id" UUID NOT NULL,
  "browser_hash" CHAR(64) NOT NULL,
  "state_hash" CHAR(64) NOT NULL,
  "nonce" TEXT NOT NULL,
  "verifier" TEXT NOT NULL,
  "invitation_hash" CHAR(64),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  -- When the provider's answer came: once.
  "taken_at" TIMESTAMPTZ(3),
  -- Whose second factor it waits for.
  "user_id" UUID,
  "ended_at" TIMESTAMPTZ(3),
  CONSTRAINT "single_sign_ons_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "single_sign_ons_browser_hash_key" ON "single_sign_ons" ("browser_hash");
CREATE INDEX "single_sign_ons_expires_at_idx" ON "single_sign_ons" ("expires_at");
