-- Which model read a track's template: what two models read is never compared. Templates that do not say it are forgotten, and a plate
-- that needs them is analysed anew.
ALTER TABLE "tracks" ADD COLUMN "recogniser" TEXT;
UPDATE "analyses" SET "templates_dropped_at" = now() WHERE "linked_at" IS NOT NULL AND "templates_dropped_at" IS NULL;
UPDATE "tracks" SET "template" = NULL;
ALTER TABLE "tracks" ADD CONSTRAINT "tracks_recogniser_check" CHECK ("template" IS NULL OR "recogniser" IS NOT NULL);
