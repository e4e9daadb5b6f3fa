import { randomBytes, randomUUID } from 'node:crypto';
import type { FarmRole, ProjectRole } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret } from '@understudy/db';
import { inDays, sha } from './consent-documents.js';
import type { TestCoordinator, TestPerson } from './coordinator.js';
import { manifestOf } from './pack-fixture.js';
import { addShot } from './shot-fixture.js';

/** Everything that a path or a body may name, of one project and one worker. */
export interface Side {
  readonly projectId: string;
  readonly projectName: string;
  readonly consentId: string;
  readonly assetId: string;
  readonly plateAssetId: string;
  readonly shotId: string;
  readonly batchId: string;
  readonly deliveryId: string;
  readonly eventId: string;
  readonly erasureId: string;
  readonly keyDestructionId: string;
  readonly userId: string;
  readonly tokenId: string;
  readonly modelPackId: string;
  readonly roleRequestId: string;
  readonly invitationId: string;
  readonly workerId: string;
  readonly workerKeyId: string;
  readonly workerToken: string;
  readonly laneId: string;
  readonly attemptId: string;
  readonly webhookId: string;
  readonly performerId: string;
  readonly performerKeyId: string;
  readonly shotVersionId: string;
}

async function addEvent(owner: Database, projectId: string | null): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO audit_events (id, at, actor, action, subject_type, subject_id, project_id, canonical, leaf_hash)
     SELECT $1, $2, 'system', 'test.seen', 'Test', '-', $3, c, sha256('\\x00'::bytea || convert_to(c, 'UTF8'))
       FROM (SELECT $4::text AS c) AS t`,
    [
      id,
      inDays(0),
      projectId,
      JSON.stringify({
        id,
        at: inDays(0),
        actor: 'system',
        action: 'test.seen',
        subjectType: 'Test',
        subjectId: '-',
        projectId,
        shotId: null,
        data: {},
      }),
    ],
  );
  return id;
}

async function addKeyDestruction(owner: Database, projectId: string): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO key_destructions (id, project_id, reason, asked_by, expires_at)
     VALUES ($1, $2, 'somebody asked for it', $3, now() + interval '1 day')`,
    [id, projectId, randomUUID()],
  );
  return id;
}

/** One that somebody else asked for. */
async function addErasure(owner: Database, projectId: string): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO audit_erasures (id, project_id, event_ids, reason, asked_by, expires_at)
     VALUES ($1, $2, $3::uuid[], 'somebody asked for it', $4, now() + interval '1 day')`,
    [id, projectId, [randomUUID()], randomUUID()],
  );
  return id;
}

/** A token of nobody who asks: only its owner could end it. */
async function addTokenOf(owner: Database, userId: string): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO tokens (id, kind, hash, name, user_id, expires_at) VALUES ($1, 'api', $2, 'spare', $3, now() + interval '1 day')`,
    [id, hashTokenSecret(newTokenSecret('api')), userId],
  );
  return id;
}

async function addAttempt(
  owner: Database,
  shotVersionId: string,
  workerId: string,
): Promise<{ laneId: string; attemptId: string }> {
  const [laneId, taskId, attemptId] = [randomUUID(), randomUUID(), randomUUID()];
  const capabilities = { kinds: ['render'], threads: 1, vramMiB: 0, packs: ['default'] };
  await owner.query(
    `INSERT INTO lanes (id, worker_id, ordinal, host, capabilities, parity_class) VALUES ($1, $2, 0, 'host', $3::jsonb, 'cpu/fp32/t/t/b1')`,
    [laneId, workerId, JSON.stringify({ ...capabilities, parityClass: PARITY })],
  );
  await owner.query(
    `INSERT INTO tasks (id, kind, shot_version_id, start_frame, end_frame, state, epoch) VALUES ($1, 'render', $2, 0, 10, 'leased', 1)`,
    [taskId, shotVersionId],
  );
  await owner.query(
    `INSERT INTO attempts (id, task_id, epoch, lane_id, expires_at) VALUES ($1, $2, 1, $3, now() + interval '1 hour')`,
    [attemptId, taskId, laneId],
  );
  return { laneId, attemptId };
}
export const PARITY = { provider: 'cpu', precision: 'fp32', runtime: 't', instructionSet: 't', batch: 1 };

export async function addSide(farm: TestCoordinator): Promise<Side> {
  const { owner } = farm;
  const shot = await addShot(owner);
  const [{ name = '' } = {}] = await owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [
    shot.projectId,
  ]);
  const deliveryId = randomUUID();
  await owner.query(
    `INSERT INTO deliveries (id, shot_version_id, state, sha256, bytes, frames) VALUES ($1, $2, 'ready', $3, 5, 10)`,
    [deliveryId, shot.shotVersionId, sha('d')],
  );
  await owner.query(`INSERT INTO face_templates (asset_id, task_id, state) VALUES ($1, $2, 'pending')`, [
    shot.identityAssetId,
    randomUUID(),
  ]);
  const user = await farm.addUser();
  const [{ performerId = '' } = {}] = await owner.query<{ performerId: string }>(
    'SELECT performer_id AS "performerId" FROM consents WHERE id = $1',
    [shot.identityConsentId],
  );
  await farm.grant(shot.projectId, user.id, 'artist');
  const worker = await farm.addWorker();
  // Not the one that knocks: shut out, it could knock no more.
  const workerId = (await farm.addWorker()).id;
  return {
    projectId: shot.projectId,
    projectName: name,
    consentId: shot.identityConsentId,
    assetId: shot.identityAssetId,
    plateAssetId: shot.plateAssetId,
    shotId: shot.shotId,
    batchId: await addBatch(owner, shot),
    deliveryId,
    eventId: await addEvent(owner, shot.projectId),
    erasureId: await addErasure(owner, shot.projectId),
    keyDestructionId: await addKeyDestruction(owner, shot.projectId),
    userId: user.id,
    tokenId: await addTokenOf(owner, user.id),
    modelPackId: await addModelPack(owner, user.id),
    roleRequestId: await addRoleRequest(owner, user.id, shot.projectId),
    invitationId: await addInvitation(owner, user.id),
    workerId,
    workerKeyId: await addWorkerKey(owner, workerId),
    webhookId: await addWebhook(owner, shot.projectId),
    performerId,
    performerKeyId: await addPerformerKey(owner, user.id),
    shotVersionId: shot.shotVersionId,
    workerToken: worker.token,
    ...(await addAttempt(owner, shot.shotVersionId, worker.id)),
  };
}

/** The shot in a batch of its own. */
async function addBatch(
  owner: Database,
  { projectId, shotId }: { projectId: string; shotId: string },
): Promise<string> {
  const id = randomUUID();
  await owner.query(`INSERT INTO batches (id, project_id, name, created_by) VALUES ($1, $2, 'night', $3)`, [
    id,
    projectId,
    randomUUID(),
  ]);
  await owner.query('UPDATE shots SET batch_id = $1 WHERE id = $2', [id, shotId]);
  return id;
}

async function addWorkerKey(owner: Database, workerId: string): Promise<string> {
  const id = randomUUID();
  await owner.query('INSERT INTO worker_keys (id, worker_id, public_key, fingerprint) VALUES ($1, $2, $3, $4)', [
    id,
    workerId,
    'A'.repeat(43),
    sha('a'),
  ]);
  return id;
}

/** A role that somebody else asked for, or to be a performer. */
async function addRoleRequest(
  owner: Database,
  userId: string,
  projectId: string,
  performerId: string | null = null,
): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO role_requests (id, user_id, project_id, role, performer_id, requested_by, expires_at)
     VALUES ($1, $2, $3, CASE WHEN $4::uuid IS NULL THEN 'producer' ELSE 'performer' END, $4::uuid, $5, now() + interval '1 day')`,
    [id, userId, projectId, performerId, randomUUID()],
  );
  return id;
}

async function addInvitation(owner: Database, invitedBy: string): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO invitations (id, email, name, hash, roles, invited_by, expires_at)
     VALUES ($1, $2, 'Guest', $3, '{"farmRoles": [], "memberships": []}', $4, now() + interval '1 day')`,
    [id, `${id}@example.org`, hashTokenSecret(id), invitedBy],
  );
  return id;
}

async function addWebhook(owner: Database, projectId: string): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `INSERT INTO webhooks (id, project_id, url, events, secret, created_by) VALUES ($1, $2, 'https://hooks.studio.example/', '{}', $3, $4)`,
    [id, projectId, Buffer.from('sealed'), randomUUID()],
  );
  return id;
}

async function addPerformerKey(owner: Database, userId: string): Promise<string> {
  const id = randomUUID();
  await owner.query('INSERT INTO performer_keys (id, user_id, public_key) VALUES ($1, $2, $3)', [
    id,
    userId,
    randomBytes(32),
  ]);
  return id;
}

/** A pack that somebody else has added. */
async function addModelPack(owner: Database, addedBy: string): Promise<string> {
  const manifest = manifestOf(`pack-${randomUUID()}`);
  const [id, sha256] = [randomUUID(), sha('c')];
  await owner.query(
    'INSERT INTO model_packs (id, pack, version, sha256, manifest, added_by) VALUES ($1, $2, $3, $4, $5::jsonb, $6)',
    [id, manifest.id, manifest.version, sha256, JSON.stringify(manifest), addedBy],
  );
  return id;
}

export interface Knocker {
  readonly token: string | undefined;
  /** What is theirs: of the project they are a member of, or of themselves. */
  readonly own: Side;
}

/** Somebody of a role in `side`'s project; their own token and, for whoever sees no project's events, an event of the farm. */
export async function knockerOf(
  farm: TestCoordinator,
  side: Side,
  roles: { farm?: FarmRole; project?: ProjectRole; performer?: true },
): Promise<Knocker> {
  const person: TestPerson = await farm.addUser(roles.farm === undefined ? [] : [roles.farm]);
  if (roles.project !== undefined) await farm.grant(side.projectId, person.id, roles.project);
  if (roles.performer === true) {
    await farm.owner.query('INSERT INTO performer_accounts (performer_id, user_id, invited_by) VALUES ($1, $2, $3)', [
      side.performerId,
      person.id,
      randomUUID(),
    ]);
    const performerKeyId = await addPerformerKey(farm.owner, person.id);
    return { token: person.token, own: { ...side, performerKeyId, tokenId: await addTokenOf(farm.owner, person.id) } };
  }
  if (roles.project === 'consent_officer') {
    const { projectId, userId, performerId } = side;
    const roleRequestId = await addRoleRequest(farm.owner, userId, projectId, performerId);
    const tokenId = await addTokenOf(farm.owner, person.id);
    return { token: person.token, own: { ...side, roleRequestId, tokenId } };
  }
  const eventId = roles.farm === 'org_admin' ? await addEvent(farm.owner, null) : side.eventId;
  return { token: person.token, own: { ...side, eventId, tokenId: await addTokenOf(farm.owner, person.id) } };
}
