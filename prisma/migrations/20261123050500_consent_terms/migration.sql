CREATE TYPE "consent_hold" AS ENUM ('strike', 'dispute');
CREATE TYPE "consent_protection" AS ENUM ('minor', 'deceased');

ALTER TABLE "consents" ADD COLUMN "holds" "consent_hold"[] NOT NULL DEFAULT ARRAY[]::"consent_hold"[];
ALTER TABLE "consents" ADD COLUMN "notice_elapses_at" TIMESTAMPTZ(3);
ALTER TABLE "consents" ADD COLUMN "notice_waived_by" UUID;
ALTER TABLE "consents" ADD COLUMN "notice_waiver_reason" TEXT;
ALTER TABLE "consents" ADD COLUMN "protection" "consent_protection";

CREATE TABLE "consent_holds" (
  "id" UUID NOT NULL,
  "consent_id" UUID NOT NULL,
  "kind" "consent_hold" NOT NULL,
  "reason" TEXT NOT NULL,
  "placed_by" UUID NOT NULL,
  "placed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "lift_reason" TEXT,
  "lifted_by" UUID,
  "lifted_at" TIMESTAMPTZ(3),
  CONSTRAINT "consent_holds_pkey" PRIMARY KEY ("id")
);
ALTER TABLE "consent_holds" ADD CONSTRAINT "consent_holds_consent_id_fkey" FOREIGN KEY ("consent_id") REFERENCES "consents" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- One open hold of a kind.
CREATE UNIQUE INDEX "consent_holds_one_open" ON "consent_holds" ("consent_id", "kind") WHERE "lifted_at" IS NULL;

-- Four eyes: whoever placed a hold does not lift it.
ALTER TABLE "consent_holds" ADD CONSTRAINT "consent_holds_four_eyes_check" CHECK ("lifted_by" IS NULL OR "lifted_by" <> "placed_by");
ALTER TABLE "consent_holds" ADD CONSTRAINT "consent_holds_lifted_check"
  CHECK (("lifted_at" IS NULL) = ("lifted_by" IS NULL) AND ("lifted_at" IS NULL) = ("lift_reason" IS NULL));

-- A notice is waived with a reason, by somebody other than who asked for the consent, and never a minor's.
ALTER TABLE "consents" ADD CONSTRAINT "consents_notice_waiver_check"
  CHECK (("notice_waived_by" IS NULL) = ("notice_waiver_reason" IS NULL)
     AND ("notice_waived_by" IS NULL OR ("notice_waived_by" <> "requested_by" AND "protection" IS DISTINCT FROM 'minor')));
