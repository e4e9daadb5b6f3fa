-- What a lane has fetched of what the attempt needs: a large plate on a slow line is progress too.
ALTER TABLE "attempts" ADD COLUMN "received_bytes" BIGINT NOT NULL DEFAULT 0;
