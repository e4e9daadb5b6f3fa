-- A face that the analysis saw clearly has to be readable; one that a worker could not read is asked for once more.
ALTER TABLE "output_checks" ADD COLUMN "clear" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "output_checks" ADD COLUMN "asked_again" BOOLEAN NOT NULL DEFAULT false;
