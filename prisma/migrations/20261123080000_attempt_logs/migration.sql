CREATE TABLE "attempt_logs" (
  "attempt_id" UUID NOT NULL,
  "part" INTEGER NOT NULL,
  "first_line" INTEGER NOT NULL,
  "line_count" INTEGER NOT NULL,
  "lines" TEXT NOT NULL,
  "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "attempt_logs_pkey" PRIMARY KEY ("attempt_id", "part")
);
ALTER TABLE "attempt_logs" ADD CONSTRAINT "attempt_logs_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempts" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
CREATE INDEX "attempt_logs_changed_at_idx" ON "attempt_logs" ("changed_at");

-- Whatever a lane sends, a part stays a part.
ALTER TABLE "attempt_logs" ADD CONSTRAINT "attempt_logs_bounded" CHECK (octet_length("lines") <= 65536 AND "part" >= 0 AND "first_line" >= 1 AND "line_count" >= 1);
