-- Faces of a delivery that lanes are asked to read before it is ready; gone once it was decided.
CREATE TABLE "output_checks" (
  "asset_id" UUID NOT NULL,
  "shot_version_id" UUID NOT NULL,
  "frame" INTEGER NOT NULL,
  "track" INTEGER NOT NULL,
  -- The member whose face it should be; null for a face that was covered.
  "cast" INTEGER,
  CONSTRAINT "output_checks_pkey" PRIMARY KEY ("asset_id"),
  CONSTRAINT "output_checks_asset_id_fkey" FOREIGN KEY ("asset_id") REFERENCES "assets" ("id"),
  CONSTRAINT "output_checks_shot_version_id_fkey" FOREIGN KEY ("shot_version_id") REFERENCES "shot_versions" ("id")
);
CREATE INDEX "output_checks_shot_version_id_idx" ON "output_checks" ("shot_version_id");
