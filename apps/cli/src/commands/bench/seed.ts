import { randomUUID } from 'node:crypto';
import { RecordSeals, sealRows, type Sql } from '@understudy/db';

/** Frames of one seeded shard. */
const SHARD_FRAMES = 24;

/** A plate's record as ingest leaves it, of a constant rate. */
const MEDIA = {
  container: 'mp4',
  bytes: 80_000_000,
  isStill: false,
  frameCount: 240_000,
  durationS: 10_000,
  isConstantRate: true,
  frames: { kind: 'constant', firstPts: 0, ticksPerFrame: 512 },
  keyFrames: Array.from({ length: 100 }, (_, n) => n * 240),
};

const SETTINGS = {
  recipe: { processors: [{ type: 'replace' }] },
  keepAssetIds: [],
  encoding: {},
  container: 'mp4',
  leastShards: 1,
};

const PEOPLE = `
  INSERT INTO performers (id, project_id, name) VALUES ($1, $3, 'identity'), ($2, $3, 'plate')`;

const CONSENT = `
  INSERT INTO consents (id, lineage_id, version, project_id, performer_id, role, state, level, scope, document,
    document_sha256, valid_from, valid_until, requested_by, activated_by)
  SELECT $1, $1, 1, $2, $3, $4::consent_role, 'active', 'L1',
    jsonb_build_object('project', $5::text, 'operations', jsonb_build_array('replace'),
      'validFrom', now() - interval '1 day', 'validUntil', now() + interval '1 day'),
    '{}', repeat('0', 64), now() - interval '1 day', now() + interval '1 day', gen_random_uuid(), gen_random_uuid()`;

const SHOTS = `
  WITH shot AS (
    INSERT INTO shots (id, project_id, name, created_by)
    SELECT gen_random_uuid(), $1, 'shot ' || n || ' of ' || gen_random_uuid(), $1 FROM generate_series(1, $2::int) n
    RETURNING id),
  version AS (
    INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, analysis_id, frames, created_by)
    SELECT gen_random_uuid(), id, 1, 'rendering', $3, $4::jsonb, $5, 240000, $1 FROM shot
    RETURNING id)
  INSERT INTO cast_members (shot_version_id, "cast", plate_performer_id, plate_consent_id, identity_performer_id,
    identity_asset_ids, identity_consent_id, tracks)
  SELECT id, 0, $6, $7, $8, ARRAY[$9::uuid], $10, '{0}' FROM version
  RETURNING shot_version_id AS id`;

/** The last range of each shot is due on no day of the bench, so that no shot is assembled. */
const TASKS = `
  INSERT INTO tasks (id, kind, shot_version_id, asset_id, project_id, start_frame, end_frame, priority, not_before)
  SELECT gen_random_uuid(), 'render', v.id, $2, $4::uuid, n * ${SHARD_FRAMES}, (n + 1) * ${SHARD_FRAMES}, 50,
         CASE WHEN n = $3::int THEN now() + interval '1 day' ELSE now() END
  FROM unnest($1::uuid[]) AS v(id), generate_series(0, $3::int) n`;

export interface SeededShots {
  readonly name: string;
  readonly shots: number;
  readonly shardsEach: number;
}

/** Makes a project with consented shots whose shards wait for a lane: `shots * shardsEach` of them. */
export async function seedShots(
  { owner: sql, secretKey }: { readonly owner: Sql; readonly secretKey: string },
  { name, shots, shardsEach }: SeededShots,
): Promise<void> {
  const seals = new RecordSeals(secretKey);
  const [projectId, identity, plate, identityConsent, plateConsent, plateAsset, image, analysis] = Array.from(
    { length: 8 },
    () => randomUUID(),
  );
  await sql.query(`INSERT INTO projects (id, name, profile, least_level) VALUES ($1, $2, 'farm', 'L1')`, [
    projectId,
    name,
  ]);
  await sql.query(PEOPLE, [identity, plate, projectId]);
  await sql.query(CONSENT, [identityConsent, projectId, identity, 'identity', name]);
  await sql.query(CONSENT, [plateConsent, projectId, plate, 'plate', name]);
  await sql.query(
    `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete, media)
     VALUES ($1, $3, 'plate', repeat('a', 64), 80000000, true, $4::jsonb), ($2, $3, 'identity', repeat('b', 64), 90000, true, NULL)`,
    [plateAsset, image, projectId, JSON.stringify(MEDIA)],
  );
  await sql.query(
    `INSERT INTO analyses (id, plate_asset_id, key, sha256, bytes) VALUES ($1, $2, 'bench', repeat('c', 64), 100)`,
    [analysis, plateAsset],
  );
  const versions = await sql.query<{ id: string }>(SHOTS, [
    projectId,
    shots,
    plateAsset,
    JSON.stringify(SETTINGS),
    analysis,
    plate,
    plateConsent,
    identity,
    image,
    identityConsent,
  ]);
  const shotVersionIds = versions.map(({ id }) => id);
  await sealRows(sql, seals, 'consents', [identityConsent ?? '', plateConsent ?? '']);
  await sealRows(sql, seals, 'cast_members', shotVersionIds);
  await sql.query(TASKS, [shotVersionIds, plateAsset, shardsEach, projectId]);
}
