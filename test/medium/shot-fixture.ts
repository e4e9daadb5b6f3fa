import { createHash, randomUUID } from 'node:crypto';
import type { ConsentScope, ShotState, TaskKind } from '@understudy/contracts';
import type { Sql } from '@understudy/db';

export interface ShotFixture {
  readonly projectId: string;
  readonly shotId: string;
  readonly shotVersionId: string;
  readonly plateAssetId: string;
  readonly plateSha256: string;
  readonly identityAssetId: string;
  readonly identityConsentId: string;
  readonly plateConsentId: string;
}

export interface ShotFixtureOptions {
  readonly state?: ShotState;
  readonly profile?: 'farm' | 'local';
  /** The project of another shot, instead of one of its own. */
  readonly projectId?: string;
  readonly scope?: Partial<ConsentScope>;
  readonly media?: unknown;
  readonly plateSha256?: string;
  readonly encoding?: { mode: 'lossless' | 'delivery' };
}

const DAY_MS = 86_400_000;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

async function addConsent(
  sql: Sql,
  of: { projectId: string; project: string; performerId: string; role: 'identity' | 'plate' },
  scope: Partial<ConsentScope>,
): Promise<string> {
  const id = randomUUID();
  const validFrom = new Date(Date.now() - DAY_MS).toISOString();
  const validUntil = new Date(Date.now() + DAY_MS).toISOString();
  const whole = { project: of.project, operations: ['replace'], validFrom, validUntil, ...scope };
  await sql.query(
    `INSERT INTO consents (id, lineage_id, version, project_id, performer_id, role, state, level, scope, document,
       document_sha256, valid_from, valid_until, requested_by, activated_by)
     VALUES ($1, $1, 1, $2, $3, $4::consent_role, 'active', 'L1', $5::jsonb, '{}', $6, $7, $8, $9, $10)`,
    [
      id,
      of.projectId,
      of.performerId,
      of.role,
      JSON.stringify(whole),
      hash(id),
      new Date(whole.validFrom),
      new Date(whole.validUntil),
      randomUUID(),
      randomUUID(),
    ],
  );
  return id;
}

async function addAsset(
  sql: Sql,
  projectId: string,
  kind: 'plate' | 'identity',
  sha256: string,
  media: unknown = null,
): Promise<string> {
  const id = randomUUID();
  await sql.query(
    `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete, media)
     VALUES ($1, $2, $3::asset_kind, $4, 1000, true, $5::jsonb)`,
    [id, projectId, kind, sha256, media === null ? null : JSON.stringify(media)],
  );
  return id;
}

/** A shot with one cast member under two active consents, as its plan left it, and without tasks. */
export async function addShot(sql: Sql, options: ShotFixtureOptions = {}): Promise<ShotFixture> {
  const [own, shotId, shotVersionId, analysisId, createdBy] = Array.from({ length: 5 }, () => randomUUID());
  const projectId = options.projectId ?? own;
  const project = `Project ${projectId}`;
  await sql.query(
    `INSERT INTO projects (id, name, profile, least_level) VALUES ($1, $2, $3::project_profile, 'L1')
     ON CONFLICT (id) DO NOTHING`,
    [projectId, project, options.profile ?? 'farm'],
  );
  const [identityPerformer, platePerformer] = [randomUUID(), randomUUID()];
  for (const performerId of [identityPerformer, platePerformer]) {
    await sql.query('INSERT INTO performers (id, project_id, name) VALUES ($1, $2, $3)', [
      performerId,
      projectId,
      `P ${performerId}`,
    ]);
  }
  const of = { projectId: projectId!, project };
  const scope = options.scope ?? {};
  const identityConsentId = await addConsent(sql, { ...of, performerId: identityPerformer, role: 'identity' }, scope);
  const plateConsentId = await addConsent(sql, { ...of, performerId: platePerformer, role: 'plate' }, scope);
  const plateSha256 = options.plateSha256 ?? hash(`plate ${shotId}`);
  const plateAssetId = await addAsset(sql, projectId!, 'plate', plateSha256, options.media);
  const identityAssetId = await addAsset(sql, projectId!, 'identity', hash(`identity ${shotId}`));
  await sql.query(`INSERT INTO shots (id, project_id, name, created_by) VALUES ($1, $2, $3, $4)`, [
    shotId,
    projectId,
    `Shot ${shotId}`,
    createdBy,
  ]);
  await sql.query(`INSERT INTO analyses (id, plate_asset_id, key, sha256, bytes) VALUES ($1, $2, 'test', $3, 100)`, [
    analysisId,
    plateAssetId,
    hash(`analysis ${shotId}`),
  ]);
  const settings = {
    recipe: { processors: [{ type: 'replace' }] },
    keepAssetIds: [],
    encoding: options.encoding ?? {},
    container: 'mp4',
    leastShards: 1,
  };
  await sql.query(
    `INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, analysis_id, frames, created_by)
     VALUES ($1, $2, 1, $3::shot_state, $4, $5::jsonb, $6, 1000, $7)`,
    [
      shotVersionId,
      shotId,
      options.state ?? 'rendering',
      plateAssetId,
      JSON.stringify(settings),
      analysisId,
      createdBy,
    ],
  );
  await sql.query(
    `INSERT INTO cast_members (shot_version_id, "cast", plate_performer_id, plate_consent_id, identity_performer_id,
       identity_asset_ids, identity_consent_id, tracks)
     VALUES ($1, 0, $2, $3, $4, $5::uuid[], $6, '{0}')`,
    [shotVersionId, platePerformer, plateConsentId, identityPerformer, [identityAssetId], identityConsentId],
  );
  return {
    projectId: projectId!,
    shotId: shotId!,
    shotVersionId: shotVersionId!,
    plateAssetId,
    plateSha256,
    identityAssetId,
    identityConsentId,
    plateConsentId,
  };
}

export interface TaskOptions {
  readonly kind?: TaskKind;
  readonly count: number;
  readonly priority?: number;
  readonly framesEach?: number;
}

/** The tasks of a shot as the task writer takes them: ranges that touch, from frame 0. */
export function tasksOf(shot: ShotFixture, { kind = 'render', count, priority = 50, framesEach = 10 }: TaskOptions) {
  return Array.from({ length: count }, (_, index) => ({
    id: randomUUID(),
    kind,
    shotVersionId: kind === 'enrol' ? null : shot.shotVersionId,
    assetId: kind === 'enrol' ? shot.identityAssetId : shot.plateAssetId,
    startFrame: index * framesEach,
    endFrame: (index + 1) * framesEach,
    priority,
  }));
}

/** As whoever holds the right does it: the consent's row alone. What follows from it is under test. */
export async function revokeConsent(sql: Sql, consentId: string, state: 'revoked' | 'suspended' = 'revoked') {
  await sql.query(
    `UPDATE consents SET state = $2::consent_state, revoked_at = CASE WHEN $2 = 'revoked' THEN now() END WHERE id = $1`,
    [consentId, state],
  );
}
