-- The span of whoever submitted it (W3C Trace Context), under which its own are told.
ALTER TABLE "shot_versions" ADD COLUMN "traceparent" TEXT;
