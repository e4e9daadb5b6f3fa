-- A roto sequence of a shot. Its version names it in settings.matteAssetId; the cast's seals bear its content.
ALTER TYPE "asset_kind" ADD VALUE 'matte' AFTER 'plate_reference';
