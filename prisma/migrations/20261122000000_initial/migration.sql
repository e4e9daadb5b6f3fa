-- The tables of the farm. Written by hand from schema.prisma; a test compares the two.

-- Enumerations.
CREATE TYPE "farm_role" AS ENUM ('org_admin', 'farm_operator');
CREATE TYPE "project_role" AS ENUM ('producer', 'artist', 'consent_officer', 'compliance_auditor');
CREATE TYPE "project_profile" AS ENUM ('local', 'farm');
CREATE TYPE "consent_level" AS ENUM ('L0', 'L1', 'L2');
CREATE TYPE "consent_state" AS ENUM ('draft', 'pending_signature', 'pending_review', 'active', 'suspended', 'revoked', 'expired', 'superseded', 'declined', 'lapsed');
CREATE TYPE "consent_role" AS ENUM ('identity', 'plate');
CREATE TYPE "token_kind" AS ENUM ('session', 'api', 'worker');
CREATE TYPE "asset_kind" AS ENUM ('plate', 'identity', 'plate_reference', 'consent_document', 'analysis', 'segment', 'delivery', 'still');
CREATE TYPE "template_state" AS ENUM ('pending', 'ready', 'failed');
CREATE TYPE "shot_state" AS ENUM ('ingesting', 'analysing', 'linking', 'planning', 'rendering', 'assembling', 'verifying', 'ready', 'released', 'held', 'failed', 'cancelled', 'revoked');
CREATE TYPE "task_kind" AS ENUM ('enrol', 'analyse', 'render');
CREATE TYPE "task_state" AS ENUM ('pending', 'leased', 'reported', 'accepted', 'failed', 'cancelled');
CREATE TYPE "attempt_state" AS ENUM ('running', 'reported', 'accepted', 'failed', 'expired', 'released', 'stopped', 'rejected');
CREATE TYPE "delivery_state" AS ENUM ('verifying', 'ready', 'released', 'locked');
CREATE TYPE "lane_state" AS ENUM ('idle', 'busy', 'draining', 'lost');

-- Tables.
CREATE TABLE "users" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "email" TEXT NOT NULL,
  "password_hash" TEXT,
  "farm_roles" "farm_role"[] NOT NULL DEFAULT ARRAY[]::"farm_role"[],
  "failed_sign_ins" INTEGER NOT NULL DEFAULT 0,
  "locked_until" TIMESTAMPTZ(3),
  "disabled_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "tokens" (
  "id" UUID NOT NULL,
  "kind" "token_kind" NOT NULL,
  "hash" CHAR(64) NOT NULL,
  "name" TEXT NOT NULL,
  "user_id" UUID,
  "worker_id" UUID,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3),
  "revoked_at" TIMESTAMPTZ(3),
  CONSTRAINT "tokens_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "projects" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "profile" "project_profile" NOT NULL,
  "least_level" "consent_level" NOT NULL,
  "commercial" BOOLEAN NOT NULL DEFAULT false,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "projects_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "memberships" (
  "project_id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "role" "project_role" NOT NULL,
  "granted_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "memberships_pkey" PRIMARY KEY ("project_id", "user_id", "role")
);

CREATE TABLE "performers" (
  "id" UUID NOT NULL,
  "project_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "performers_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "performer_faces" (
  "id" UUID NOT NULL,
  "performer_id" UUID NOT NULL,
  "image_sha256" CHAR(64) NOT NULL,
  "template" BYTEA NOT NULL,
  "recogniser" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "performer_faces_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "consents" (
  "id" UUID NOT NULL,
  "lineage_id" UUID NOT NULL,
  "version" INTEGER NOT NULL,
  "project_id" UUID NOT NULL,
  "performer_id" UUID NOT NULL,
  "role" "consent_role" NOT NULL,
  "state" "consent_state" NOT NULL,
  "level" "consent_level" NOT NULL,
  "scope" JSONB NOT NULL,
  "document" JSONB NOT NULL,
  "document_sha256" CHAR(64) NOT NULL,
  "valid_from" TIMESTAMPTZ(3) NOT NULL,
  "valid_until" TIMESTAMPTZ(3) NOT NULL,
  "requested_by" UUID NOT NULL,
  "activated_by" UUID,
  "waivers" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
  "state_reason" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "revoked_at" TIMESTAMPTZ(3),
  CONSTRAINT "consents_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "assets" (
  "id" UUID NOT NULL,
  "project_id" UUID NOT NULL,
  "kind" "asset_kind" NOT NULL,
  "sha256" CHAR(64) NOT NULL,
  "bytes" BIGINT NOT NULL,
  "complete" BOOLEAN NOT NULL DEFAULT false,
  "media" JSONB,
  "created_by" UUID,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "assets_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "face_templates" (
  "asset_id" UUID NOT NULL,
  "task_id" UUID NOT NULL,
  "state" "template_state" NOT NULL,
  "template" BYTEA,
  "recogniser" TEXT,
  "quality" JSONB,
  "error_code" TEXT,
  "error_message" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "face_templates_pkey" PRIMARY KEY ("asset_id")
);

CREATE TABLE "shots" (
  "id" UUID NOT NULL,
  "project_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "created_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "shots_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "shot_versions" (
  "id" UUID NOT NULL,
  "shot_id" UUID NOT NULL,
  "version" INTEGER NOT NULL,
  "state" "shot_state" NOT NULL,
  "held_from" "shot_state",
  "plate_asset_id" UUID NOT NULL,
  "settings" JSONB NOT NULL,
  "priority" INTEGER NOT NULL DEFAULT 50,
  "analysis_id" UUID,
  "parity_class" TEXT,
  "frames" INTEGER,
  "error_code" TEXT,
  "error_message" TEXT,
  "error_details" JSONB,
  "waivers" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
  "cancel_reason" TEXT,
  "created_by" UUID NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "state_changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "settled_at" TIMESTAMPTZ(3),
  CONSTRAINT "shot_versions_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "cast_members" (
  "shot_version_id" UUID NOT NULL,
  "cast" INTEGER NOT NULL,
  "plate_performer_id" UUID NOT NULL,
  "plate_reference_asset_ids" UUID[] NOT NULL DEFAULT ARRAY[]::UUID[],
  "plate_consent_id" UUID NOT NULL,
  "identity_performer_id" UUID NOT NULL,
  "identity_asset_ids" UUID[] NOT NULL DEFAULT ARRAY[]::UUID[],
  "identity_consent_id" UUID NOT NULL,
  "tracks" INTEGER[] NOT NULL DEFAULT ARRAY[]::INTEGER[],
  CONSTRAINT "cast_members_pkey" PRIMARY KEY ("shot_version_id", "cast")
);

CREATE TABLE "analyses" (
  "id" UUID NOT NULL,
  "plate_asset_id" UUID NOT NULL,
  "key" TEXT NOT NULL,
  "sha256" CHAR(64),
  "bytes" BIGINT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "linked_at" TIMESTAMPTZ(3),
  CONSTRAINT "analyses_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "tracks" (
  "analysis_id" UUID NOT NULL,
  "track" INTEGER NOT NULL,
  "start_frame" INTEGER NOT NULL,
  "end_frame" INTEGER NOT NULL,
  "faces" INTEGER NOT NULL,
  "template" BYTEA,
  "uncertain_frames" INTEGER[] NOT NULL DEFAULT ARRAY[]::INTEGER[],
  CONSTRAINT "tracks_pkey" PRIMARY KEY ("analysis_id", "track")
);

CREATE TABLE "tasks" (
  "id" UUID NOT NULL,
  "kind" "task_kind" NOT NULL,
  "shot_version_id" UUID,
  "asset_id" UUID,
  "start_frame" INTEGER NOT NULL,
  "end_frame" INTEGER NOT NULL,
  "state" "task_state" NOT NULL DEFAULT 'pending',
  "epoch" INTEGER NOT NULL DEFAULT 0,
  "priority" INTEGER NOT NULL DEFAULT 50,
  "failures" INTEGER NOT NULL DEFAULT 0,
  "not_before" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "parity_class" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "error_code" TEXT,
  "error_message" TEXT,
  CONSTRAINT "tasks_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "attempts" (
  "id" UUID NOT NULL,
  "task_id" UUID NOT NULL,
  "epoch" INTEGER NOT NULL,
  "lane_id" UUID NOT NULL,
  "state" "attempt_state" NOT NULL DEFAULT 'running',
  "frames_done" INTEGER NOT NULL DEFAULT 0,
  "leased_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "order" TEXT,
  "ended_at" TIMESTAMPTZ(3),
  "consent_ids" UUID[] NOT NULL DEFAULT ARRAY[]::UUID[],
  "result" JSONB,
  "timings_ms" JSONB,
  "probes" JSONB,
  "error_code" TEXT,
  "error_message" TEXT,
  CONSTRAINT "attempts_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "segments" (
  "task_id" UUID NOT NULL,
  "epoch" INTEGER NOT NULL,
  "sha256" CHAR(64) NOT NULL,
  "bytes" BIGINT NOT NULL,
  "frames" INTEGER NOT NULL,
  "frame_hashes" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
  "accepted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "quarantined_at" TIMESTAMPTZ(3),
  CONSTRAINT "segments_pkey" PRIMARY KEY ("task_id")
);

CREATE TABLE "deliveries" (
  "id" UUID NOT NULL,
  "shot_version_id" UUID NOT NULL,
  "state" "delivery_state" NOT NULL,
  "sha256" CHAR(64) NOT NULL,
  "bytes" BIGINT NOT NULL,
  "frames" INTEGER NOT NULL,
  "verification" JSONB,
  "released_by" UUID,
  "released_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "deliveries_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "workers" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "created_by" UUID NOT NULL,
  "disabled_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "workers_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "lanes" (
  "id" UUID NOT NULL,
  "worker_id" UUID NOT NULL,
  "ordinal" INTEGER NOT NULL,
  "host" TEXT NOT NULL,
  "capabilities" JSONB NOT NULL,
  "parity_class" TEXT NOT NULL,
  "state" "lane_state" NOT NULL DEFAULT 'idle',
  "last_seen_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "lanes_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "audit_events" (
  "sequence" BIGSERIAL NOT NULL,
  "id" UUID NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "actor" TEXT NOT NULL,
  "action" TEXT NOT NULL,
  "subject_type" TEXT NOT NULL,
  "subject_id" TEXT NOT NULL,
  "project_id" UUID,
  "shot_id" UUID,
  "canonical" TEXT NOT NULL,
  "leaf_hash" BYTEA NOT NULL,
  CONSTRAINT "audit_events_pkey" PRIMARY KEY ("sequence")
);

CREATE TABLE "outbox" (
  "id" UUID NOT NULL,
  "stage" TEXT NOT NULL,
  "key" TEXT NOT NULL,
  "data" JSONB NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "relayed_at" TIMESTAMPTZ(3),
  CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- Indexes that the schema names.
CREATE UNIQUE INDEX "users_email_key" ON "users" ("email");
CREATE UNIQUE INDEX "tokens_hash_key" ON "tokens" ("hash");
CREATE INDEX "tokens_user_id_idx" ON "tokens" ("user_id");
CREATE INDEX "tokens_worker_id_idx" ON "tokens" ("worker_id");
CREATE UNIQUE INDEX "projects_name_key" ON "projects" ("name");
CREATE INDEX "memberships_user_id_idx" ON "memberships" ("user_id");
CREATE UNIQUE INDEX "performers_project_id_name_key" ON "performers" ("project_id", "name");
CREATE UNIQUE INDEX "performer_faces_performer_id_image_sha256_key" ON "performer_faces" ("performer_id", "image_sha256");
CREATE UNIQUE INDEX "consents_lineage_id_version_key" ON "consents" ("lineage_id", "version");
CREATE INDEX "consents_project_id_performer_id_idx" ON "consents" ("project_id", "performer_id");
CREATE UNIQUE INDEX "assets_project_id_kind_sha256_key" ON "assets" ("project_id", "kind", "sha256");
CREATE UNIQUE INDEX "shots_project_id_name_key" ON "shots" ("project_id", "name");
CREATE UNIQUE INDEX "shot_versions_shot_id_version_key" ON "shot_versions" ("shot_id", "version");
CREATE INDEX "shot_versions_state_idx" ON "shot_versions" ("state");
CREATE INDEX "cast_members_identity_consent_id_idx" ON "cast_members" ("identity_consent_id");
CREATE INDEX "cast_members_plate_consent_id_idx" ON "cast_members" ("plate_consent_id");
CREATE UNIQUE INDEX "analyses_plate_asset_id_key_key" ON "analyses" ("plate_asset_id", "key");
CREATE INDEX "tasks_shot_version_id_kind_start_frame_idx" ON "tasks" ("shot_version_id", "kind", "start_frame");
CREATE UNIQUE INDEX "attempts_task_id_epoch_key" ON "attempts" ("task_id", "epoch");
CREATE INDEX "attempts_lane_id_idx" ON "attempts" ("lane_id");
CREATE UNIQUE INDEX "deliveries_shot_version_id_key" ON "deliveries" ("shot_version_id");
CREATE UNIQUE INDEX "workers_name_key" ON "workers" ("name");
CREATE UNIQUE INDEX "lanes_worker_id_host_ordinal_key" ON "lanes" ("worker_id", "host", "ordinal");
CREATE UNIQUE INDEX "audit_events_id_key" ON "audit_events" ("id");
CREATE INDEX "audit_events_shot_id_sequence_idx" ON "audit_events" ("shot_id", "sequence");
CREATE INDEX "audit_events_project_id_sequence_idx" ON "audit_events" ("project_id", "sequence");

-- References.
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "workers" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "performers" ADD CONSTRAINT "performers_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "performer_faces" ADD CONSTRAINT "performer_faces_performer_id_fkey" FOREIGN KEY ("performer_id") REFERENCES "performers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "consents" ADD CONSTRAINT "consents_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "consents" ADD CONSTRAINT "consents_performer_id_fkey" FOREIGN KEY ("performer_id") REFERENCES "performers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "assets" ADD CONSTRAINT "assets_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "face_templates" ADD CONSTRAINT "face_templates_asset_id_fkey" FOREIGN KEY ("asset_id") REFERENCES "assets" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "shots" ADD CONSTRAINT "shots_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "shot_versions" ADD CONSTRAINT "shot_versions_shot_id_fkey" FOREIGN KEY ("shot_id") REFERENCES "shots" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "shot_versions" ADD CONSTRAINT "shot_versions_analysis_id_fkey" FOREIGN KEY ("analysis_id") REFERENCES "analyses" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "cast_members" ADD CONSTRAINT "cast_members_shot_version_id_fkey" FOREIGN KEY ("shot_version_id") REFERENCES "shot_versions" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "tracks" ADD CONSTRAINT "tracks_analysis_id_fkey" FOREIGN KEY ("analysis_id") REFERENCES "analyses" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_shot_version_id_fkey" FOREIGN KEY ("shot_version_id") REFERENCES "shot_versions" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "tasks" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_lane_id_fkey" FOREIGN KEY ("lane_id") REFERENCES "lanes" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "segments" ADD CONSTRAINT "segments_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "tasks" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_shot_version_id_fkey" FOREIGN KEY ("shot_version_id") REFERENCES "shot_versions" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "lanes" ADD CONSTRAINT "lanes_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "workers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What the schema language cannot say: each rule below carries meaning of its own.

-- A range is half-open and never empty.
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_range_check" CHECK ("start_frame" >= 0 AND "end_frame" > "start_frame");
ALTER TABLE "tracks" ADD CONSTRAINT "tracks_range_check" CHECK ("start_frame" >= 0 AND "end_frame" > "start_frame");

-- A task belongs to a shot version, or (enrol) to an image.
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_owner_check" CHECK (CASE WHEN "kind" = 'enrol' THEN "asset_id" IS NOT NULL ELSE "shot_version_id" IS NOT NULL END);
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_epoch_check" CHECK ("epoch" >= 1);

-- The plan makes a range of a shot once, however often it runs.
CREATE UNIQUE INDEX "tasks_range_once" ON "tasks" ("shot_version_id", "kind", "start_frame") WHERE "shot_version_id" IS NOT NULL;

-- The claim's order over what can be leased.
CREATE INDEX "tasks_pending" ON "tasks" ("priority" DESC, (CASE WHEN "kind" = 'render' THEN 1 ELSE 0 END), "created_at", "start_frame", "id") WHERE "state" = 'pending';

-- One attempt of a task at work, and one accepted for ever.
CREATE UNIQUE INDEX "attempts_one_live" ON "attempts" ("task_id") WHERE "state" IN ('running', 'reported');
CREATE UNIQUE INDEX "attempts_one_accepted" ON "attempts" ("task_id") WHERE "state" = 'accepted';
CREATE INDEX "attempts_expiring" ON "attempts" ("expires_at") WHERE "state" IN ('running', 'reported');

-- One unrelayed intent a key.
CREATE UNIQUE INDEX "outbox_intent" ON "outbox" ("stage", "key") WHERE "relayed_at" IS NULL;

-- Four eyes: whoever asked for a consent does not activate it, unless that is waived.
ALTER TABLE "consents" ADD CONSTRAINT "consents_four_eyes_check"
  CHECK ("activated_by" IS NULL OR "activated_by" IS DISTINCT FROM "requested_by" OR 'four_eyes' = ANY ("waivers"));
ALTER TABLE "consents" ADD CONSTRAINT "consents_activated_check" CHECK ("state" <> 'active' OR "activated_by" IS NOT NULL);
ALTER TABLE "consents" ADD CONSTRAINT "consents_window_check" CHECK ("valid_until" > "valid_from");
ALTER TABLE "consents" ADD CONSTRAINT "consents_revoked_check" CHECK ("state" <> 'revoked' OR "revoked_at" IS NOT NULL);

-- A token is a person's or a worker's, never both.
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_owner_check"
  CHECK (CASE WHEN "kind" = 'worker' THEN "worker_id" IS NOT NULL AND "user_id" IS NULL ELSE "user_id" IS NOT NULL AND "worker_id" IS NULL END);

-- A delivery that was released names who did it.
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_release_check" CHECK ("state" <> 'released' OR ("released_by" IS NOT NULL AND "released_at" IS NOT NULL));

-- A waiver is a local project's only.
CREATE FUNCTION "consents_waivers_are_local"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF cardinality(NEW."waivers") > 0 AND (SELECT "profile" FROM "projects" WHERE "id" = NEW."project_id") IS DISTINCT FROM 'local' THEN
    RAISE EXCEPTION 'a consent of a farm project waives nothing' USING ERRCODE = 'check_violation', CONSTRAINT = 'consents_waivers_are_local';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "consents_waivers_are_local" BEFORE INSERT OR UPDATE OF "waivers", "project_id" ON "consents"
  FOR EACH ROW EXECUTE FUNCTION "consents_waivers_are_local"();

-- A state from which a consent never comes back.
CREATE FUNCTION "consents_stay_ended"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD."state" IN ('revoked', 'expired', 'superseded', 'declined', 'lapsed') AND NEW."state" IS DISTINCT FROM OLD."state" THEN
    RAISE EXCEPTION 'consent % is % for good', OLD."id", OLD."state" USING ERRCODE = 'check_violation', CONSTRAINT = 'consents_stay_ended';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "consents_stay_ended" BEFORE UPDATE OF "state" ON "consents"
  FOR EACH ROW EXECUTE FUNCTION "consents_stay_ended"();

-- Epochs only grow.
CREATE FUNCTION "tasks_epoch_only_grows"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."epoch" < OLD."epoch" THEN
    RAISE EXCEPTION 'epoch of task % cannot go from % back to %', OLD."id", OLD."epoch", NEW."epoch"
      USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_epoch_only_grows';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "tasks_epoch_only_grows" BEFORE UPDATE OF "epoch" ON "tasks"
  FOR EACH ROW EXECUTE FUNCTION "tasks_epoch_only_grows"();

-- The audit log is append-only, whoever asks and whatever the session's replication role is.
CREATE FUNCTION "audit_events_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER "audit_events_rows_stay" BEFORE UPDATE OR DELETE ON "audit_events"
  FOR EACH ROW EXECUTE FUNCTION "audit_events_append_only"();
CREATE TRIGGER "audit_events_table_stays" BEFORE TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_append_only"();
ALTER TABLE "audit_events" ENABLE ALWAYS TRIGGER "audit_events_rows_stay";
ALTER TABLE "audit_events" ENABLE ALWAYS TRIGGER "audit_events_table_stays";
