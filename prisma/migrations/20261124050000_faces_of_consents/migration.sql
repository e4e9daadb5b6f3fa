-- A face belongs to the consent that binds it, and counts only once that consent was activated. The template lies here alone, no
-- longer in the document too.
ALTER TABLE "performer_faces" ADD COLUMN "consent_id" UUID;
DROP INDEX "performer_faces_performer_id_image_sha256_key";

-- Which consent bound a face is in its document; several may have bound the same.
INSERT INTO "performer_faces" ("id", "performer_id", "image_sha256", "template", "recogniser", "created_at", "consent_id")
SELECT gen_random_uuid(), f."performer_id", f."image_sha256", f."template", f."recogniser", f."created_at", c."id"
  FROM "performer_faces" f JOIN "consents" c ON c."performer_id" = f."performer_id"
 WHERE EXISTS (
   SELECT 1 FROM jsonb_array_elements(c."document"->'statement'->'parties') p, jsonb_array_elements(p->'faces') i
    WHERE p->>'role' = c."role"::text AND i->>'sha256' = f."image_sha256");
DELETE FROM "performer_faces" WHERE "consent_id" IS NULL;

ALTER TABLE "performer_faces" ALTER COLUMN "consent_id" SET NOT NULL;
ALTER TABLE "performer_faces" ADD CONSTRAINT "performer_faces_consent_id_fkey"
  FOREIGN KEY ("consent_id") REFERENCES "consents" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
CREATE UNIQUE INDEX "performer_faces_consent_id_image_sha256_key" ON "performer_faces" ("consent_id", "image_sha256");
CREATE INDEX "performer_faces_performer_id_idx" ON "performer_faces" ("performer_id");

UPDATE "consents" SET "document" = jsonb_set("document", '{statement,parties}', (
  SELECT jsonb_agg(jsonb_set(p, '{faces}', (
           SELECT coalesce(jsonb_agg(i - 'template' ORDER BY at), '[]') FROM jsonb_array_elements(p->'faces') WITH ORDINALITY AS f(i, at))) ORDER BY n)
    FROM jsonb_array_elements("document"->'statement'->'parties') WITH ORDINALITY AS s(p, n)))
 WHERE jsonb_typeof("document"->'statement'->'parties') = 'array';
