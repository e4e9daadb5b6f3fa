-- What a worker does before its lanes can work, in its own words; none once a lane of it has registered.
ALTER TABLE "workers" ADD COLUMN "preparing" TEXT, ADD COLUMN "preparing_at" TIMESTAMPTZ(3);
