import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Shot, ShotReport, type ShotState, type UnderstudyError } from '@understudy/contracts';
import { probePlate, sniffMedia } from '@understudy/media';
import { ConsentLifeService } from '../../apps/coordinator/src/consents/consent-life.service.js';
import { ShotActs } from '../../apps/coordinator/src/shots/shot-acts.js';
import { type FakeLane, observe } from './fake-lane.js';
import { makePlate, PLATE_FRAMES, type Stage, StagesFarm } from './stages-farm.js';

let folder: string;
let plate: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plates-'));
  plate = join(folder, 'plate.mp4');
  await makePlate(plate);
  farm = await StagesFarm.start({ serve: false });
  lane = await farm.addLane();
});
beforeEach(async () => {
  stage = await farm.addStage(plate);
});
afterEach(() => farm.clear());
afterAll(async () => {
  await farm.stop();
  await rm(folder, { recursive: true, force: true });
});

const refused = (work: Promise<unknown>): Promise<UnderstudyError> =>
  work.then(
    () => {
      throw new Error('it was not refused');
    },
    (thrown: unknown) => thrown as UnderstudyError,
  );

describe('submission', () => {
  it('refuses a cast without consents, with every reason', async () => {
    await farm.owner.query('DELETE FROM consents WHERE project_id = $1', [stage.projectId]);
    const error = await refused(farm.submit(stage));
    expect(error).toMatchObject({ code: 'CONSENT_REQUIRED', details: { point: 'submit' } });
    expect(error.details?.['reasons']).toEqual([
      expect.objectContaining({ cast: 0, role: 'identity', reasons: ['CONSENT_REQUIRED'] }),
      expect.objectContaining({ cast: 0, role: 'plate', reasons: ['CONSENT_REQUIRED'] }),
    ]);
    expect(await farm.owner.query('SELECT 1 FROM shots WHERE project_id = $1', [stage.projectId])).toEqual([]);
  });

  it.each([
    ['CONSENT_OUT_OF_SCOPE', `scope || '{"operations": ["restore"]}'`, `state`],
    ['CONSENT_OUT_OF_SCOPE', `scope || '{"project": "another"}'`, `state`],
    ['CONSENT_OUT_OF_SCOPE', `scope || '{"plates": []}'`, `state`],
    ['CONSENT_EXPIRED', `scope || '{"validUntil": "2020-01-01T00:00:00Z"}'`, `state`],
    ['CONSENT_NOT_YET_VALID', `scope || '{"validFrom": "2100-01-01T00:00:00Z"}'`, `state`],
    ['CONSENT_SUSPENDED', 'scope', `'suspended'`],
  ])('refuses a consent that does not cover it: %s', async (code, scope, state) => {
    await farm.owner.query(`UPDATE consents SET scope = ${scope}, state = ${state} WHERE id = $1`, [
      stage.plateConsentId,
    ]);
    expect(await refused(farm.submit(stage))).toMatchObject({ code });
  });

  it('tells of a revoked consent rather than of none', async () => {
    await farm.owner.query(`UPDATE consents SET state = 'revoked', revoked_at = now() WHERE id = $1`, [
      stage.identityConsentId,
    ]);
    expect(await refused(farm.submit(stage))).toMatchObject({ code: 'CONSENT_REVOKED' });
  });

  it('pins the newest consent that covers the shot', async () => {
    const { projectId, projectName, platePerformerId: performerId } = stage;
    const of = { projectId, projectName, performerId, role: 'plate' as const };
    const forAnother = await farm.addConsent({ ...of, scope: { shots: ['another shot'] } });
    const { shotVersionId } = await farm.submit(stage, { name: 'this shot' });
    const other = await farm.submit(stage, { name: 'another shot' });
    const pinned = 'SELECT plate_consent_id AS id FROM cast_members WHERE shot_version_id = $1';
    expect(await farm.one(pinned, [shotVersionId])).toEqual({ id: stage.plateConsentId });
    expect(await farm.one(pinned, [other.shotVersionId])).toEqual({ id: forAnother });
  });

  it('refuses an identity image that shows somebody else', async () => {
    const wrong = await farm.addStage(plate, { identityImage: 3 });
    expect(await refused(farm.submit(wrong))).toMatchObject({
      code: 'IDENTITY_MISMATCH',
      details: { role: 'identity' },
    });
  });

  it('refuses an image whose face was not read', async () => {
    const assetId = await farm.addAsset(stage.projectId, 'identity', Buffer.from(stage.projectId));
    const { platePerformerId, identityPerformerId } = stage;
    const cast = [{ platePerformerId, identityPerformerId, identityAssetIds: [assetId] }];
    expect(await refused(farm.submit(stage, { cast }))).toMatchObject({ code: 'CONFLICT', details: { assetId } });
  });

  it.each([
    ['BASIS_REQUIRED', { recipe: { processors: [{ type: 'anonymise' }] }, cast: [] }],
    ['INVALID_REQUEST', { cast: [] }],
    ['INVALID_REQUEST', { recipe: { processors: [{ type: 'anonymise' }] }, basis: 'public street' }],
    ['INVALID_REQUEST', { recipe: { processors: [{ type: 'replace' }, { type: 'replace' }] } }],
  ])('refuses what does not hold together: %s', async (code, more) => {
    expect(await refused(farm.submit(stage, more))).toMatchObject({ code });
  });

  it('takes nothing from another project', async () => {
    const other = await farm.addStage(plate);
    for (const more of [
      { plateAssetId: other.plateAssetId },
      { projectId: other.projectId },
      { cast: [{ ...stage, platePerformerId: other.platePerformerId, identityAssetIds: [stage.identityAssetId] }] },
    ]) {
      expect(await refused(farm.submit(stage, more))).toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('counts the versions of a name', async () => {
    await farm.submit(stage, { name: 'one' });
    const { shotId } = await farm.submit(stage, { name: 'one' });
    const versions = await farm.owner.query('SELECT version FROM shot_versions WHERE shot_id = $1 ORDER BY version', [
      shotId,
    ]);
    expect(versions).toEqual([{ version: 1 }, { version: 2 }]);
  });

  it('keeps what it asks of lanes and which shots must be ready first; never lets two wait for each other', async () => {
    const [done, first] = [await farm.submit(stage, { name: 'done' }), await farm.submit(stage, { name: 'first' })];
    await farm.owner.query(`UPDATE shot_versions SET state = 'ready' WHERE id = $1`, [done.shotVersionId]);
    const after = [done.shotId, first.shotId];
    const second = await farm.submit(stage, { name: 'second', after, needs: { pool: 'night', leastVramMiB: 8000 } });
    const kept = await farm.owner.query('SELECT waits_for AS "waitsFor", needs FROM shot_versions WHERE id = $1', [
      second.shotVersionId,
    ]);
    expect(kept).toEqual([{ waitsFor: [first.shotId], needs: { pool: 'night', leastVramMiB: 8000 } }]);
    const ring = farm.submit(stage, { name: 'first', after: [second.shotId] });
    expect(await refused(ring)).toMatchObject({ code: 'CONFLICT' });
    const others = await farm.addStage(plate);
    expect(await refused(farm.submit(others, { after: [first.shotId] }))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('ingest', () => {
  it('refuses a plate that is no video, with its code', async () => {
    const bad = join(folder, 'bad.mp4');
    await writeFile(bad, 'this is no video at all');
    const at = await farm.addStage(bad);
    const { shotVersionId } = await farm.submit(at);
    const error = await refused(farm.runStage('ingest', shotVersionId));
    expect(['NOT_A_VIDEO', 'UNREADABLE_MEDIA', 'UNSUPPORTED_MEDIA']).toContain(error.code);
    await farm.handlers.ingest.abandon({ shotVersionId }, error);
    expect(await farm.errorOf(shotVersionId)).toMatchObject({ code: error.code });
    expect(JSON.stringify(await farm.errorOf(shotVersionId))).not.toContain(farm.dataDir);
  });

  it('refuses a clip that is wanted as a picture', async () => {
    const { shotVersionId } = await farm.submit(stage, { container: 'png' });
    expect(await refused(farm.runStage('ingest', shotVersionId))).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('cancelling', () => {
  const CANCELLABLE: ShotState[] = [
    'ingesting',
    'analysing',
    'linking',
    'planning',
    'rendering',
    'assembling',
    'verifying',
  ];

  it.each(CANCELLABLE)('ends a shot that is %s, with its tasks, and keeps the reason', async (state) => {
    const { shotId, shotVersionId } = await farm.bringTo(state, stage, lane);
    await farm.get(ShotActs).cancel(stage.actor, shotId, 'wrong plate');
    expect(await farm.stateOf(shotVersionId)).toBe('cancelled');
    expect(await lane.workOff()).toEqual([]);
    const { reason } = await farm.one<{ reason: string }>(
      'SELECT cancel_reason AS reason FROM shot_versions WHERE id = $1',
      [shotVersionId],
    );
    expect(reason).toBe('wrong plate');
    // What still comes for it finds it cancelled.
    for (const stageName of ['ingest', 'link', 'plan', 'assemble', 'verify'] as const) {
      await farm.runStage(stageName, shotVersionId);
    }
    expect(await farm.stateOf(shotVersionId)).toBe('cancelled');
  });

  it('tells a lane at work to stop and takes nothing from it', async () => {
    const { shotId, shotVersionId } = await farm.bringTo('rendering', stage, lane);
    lane.onLease = async () => farm.get(ShotActs).cancel(stage.actor, shotId, 'wrong plate');
    try {
      expect(await refused(lane.workOff())).toMatchObject({ code: 'CANCELLED' });
    } finally {
      lane.onLease = () => undefined;
    }
    expect(await farm.stateOf(shotVersionId)).toBe('cancelled');
    const { segments } = await farm.one<{ segments: number }>(
      'SELECT count(*)::int AS segments FROM segments g JOIN tasks t ON t.id = g.task_id WHERE t.shot_version_id = $1',
      [shotVersionId],
    );
    expect(segments).toBe(0);
  });

  it('has nothing to cancel in a shot that is ready', async () => {
    const { shotId } = await farm.bringTo('ready', stage, lane);
    expect(await refused(farm.get(ShotActs).cancel(stage.actor, shotId, 'too late'))).toMatchObject({
      code: 'NOT_CANCELLABLE',
    });
  });
});

describe('revoking a consent', () => {
  const revoke = async () => {
    const officer = await farm.addMember(stage.projectId, 'consent_officer');
    await farm.get(ConsentLifeService).revoke(officer, stage.identityConsentId, 'changed my mind');
  };

  it('in the middle of rendering ends the shot as revoked and accepts nothing more', async () => {
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane);
    lane.onLease = revoke;
    try {
      expect(['CONSENT_REVOKED', 'CANCELLED']).toContain((await refused(lane.workOff())).code);
    } finally {
      lane.onLease = () => undefined;
    }
    expect(await farm.stateOf(shotVersionId)).toBe('revoked');
    expect((await farm.errorOf(shotVersionId)).code).toBe('CONSENT_REVOKED');
    expect(await lane.workOff()).toEqual([]);
    expect(
      await farm.owner.query(
        'SELECT 1 FROM segments g JOIN tasks t ON t.id = g.task_id WHERE t.shot_version_id = $1 AND g.quarantined_at IS NULL',
        [shotVersionId],
      ),
    ).toEqual([]);
  });

  it('locks a delivery that was ready', async () => {
    const { shotVersionId } = await farm.bringTo('ready', stage, lane);
    await revoke();
    expect(await farm.stateOf(shotVersionId)).toBe('revoked');
    const { state } = await farm.one<{ state: string }>(
      'SELECT state::text AS state FROM deliveries WHERE shot_version_id = $1',
      [shotVersionId],
    );
    expect(state).toBe('locked');
  });
});

describe('served', () => {
  let served: StagesFarm;
  let producer: { secret: string };
  let other: Awaited<ReturnType<StagesFarm['addMember']>>;

  beforeAll(async () => {
    served = await StagesFarm.start({ serve: true, beside: farm });
  });
  afterAll(() => served.stop());
  beforeEach(async () => {
    producer = stage.actor as Stage['actor'] & { secret: string };
    other = await farm.addMember(stage.projectId, 'producer');
  });

  const send = (
    method: string,
    path: string,
    who: { secret: string },
    body?: unknown,
    headers: Record<string, string> = {},
  ) =>
    fetch(served.url + path, {
      method,
      headers: {
        authorization: `Bearer ${who.secret}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const json = async (response: Response) => ({
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
  });
  const shotOf = async (shotId: string) =>
    Shot.parse((await json(await send('GET', `/api/v1/shots/${shotId}`, producer))).body);

  /** Lets lanes work until the shot settles; the stages run by themselves. */
  const settle = async (shotId: string): Promise<Shot> => {
    return vi.waitUntil(
      async () => {
        await lane.workOff();
        const shot = await shotOf(shotId);
        return shot.settledAt === null ? undefined : shot;
      },
      { timeout: 90_000, interval: 100 },
    ) as Promise<Shot>;
  };

  it('runs a shot by itself, shows it live, reports it, and hands it out once released', async () => {
    lane.faces = (frame) => [observe(frame, 0), observe(frame, 1)];
    const { identityPerformerId, platePerformerId, identityAssetId, plateAssetId, projectId } = stage;
    const cast = [{ platePerformerId, identityPerformerId, identityAssetIds: [identityAssetId] }];
    const recipe = { processors: [{ type: 'replace' }] };
    const request = { projectId, name: 'Opening', plateAssetId, recipe, cast, leastShards: 3 };
    const submitted = await json(await send('POST', '/api/v1/shots', producer, request));
    expect(submitted).toMatchObject({ status: 200, body: { name: 'Opening', version: 1, state: 'ingesting' } });
    const shotId = String(submitted.body['id']);

    const seen: Shot[] = [];
    const watching = watch(`${served.url}/api/v1/shots/${shotId}/stream`, producer.secret, (shot) => {
      seen.push(shot);
      return shot.state === 'ready';
    });
    const shot = await settle(shotId);
    expect(shot).toMatchObject({
      state: 'ready',
      error: null,
      frames: PLATE_FRAMES,
      progress: 1,
      fps: 24,
      attempts: 3,
      shards: { total: 3, accepted: 3 },
      selfAttested: false,
    });
    await watching;
    expect(seen.map(({ state }) => state)).toContain('rendering');

    const tasks = await json(await send('GET', `/api/v1/shots/${shotId}/tasks?limit=2`, producer));
    expect(tasks.body['items']).toHaveLength(2);
    const rest = await json(
      await send('GET', `/api/v1/shots/${shotId}/tasks?cursor=${String(tasks.body['next'])}`, producer),
    );
    const kinds = [...(tasks.body['items'] as { kind: string }[]), ...(rest.body['items'] as { kind: string }[])].map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(['analyse', 'analyse', 'render', 'render', 'render']);
    const events = await json(await send('GET', `/api/v1/shots/${shotId}/events?limit=500`, producer));
    const actions = (events.body['items'] as { action: string }[]).map(({ action }) => action);
    expect(actions).toContain('shot.submitted');
    expect(actions.indexOf('shot.ready')).toBeLessThan(actions.indexOf('shot.rendering'));

    const report = ShotReport.parse((await json(await send('GET', `/api/v1/shots/${shotId}/report`, producer))).body);
    const frames = Array.from({ length: PLATE_FRAMES }, (_, frame) => 0.4 + frame / 100);
    const mean = frames.reduce((sum, value) => sum + value, 0) / frames.length;
    const p10 = 0.4 + (0.1 * (PLATE_FRAMES - 1)) / 100;
    expect(report.faces).toHaveLength(2);
    expect(report.faces.find(({ cast: member }) => member === 0)).toMatchObject({
      frames: PLATE_FRAMES,
      idToIdentityBefore: expect.closeTo(0.05, 6),
      idToIdentity: expect.closeTo(mean, 6),
      idToIdentityP10: expect.closeTo(p10, 6),
      idToPlate: expect.closeTo(0.2, 6),
      landmarkNme: expect.closeTo(0.03, 6),
    });
    expect(report.faces.find(({ cast: member }) => member === null)).toMatchObject({ idToIdentity: null });
    expect(report).toMatchObject({
      frames: PLATE_FRAMES,
      fps: 24,
      shards: 3,
      attempts: 3,
      lanes: ['host/0'],
      waivers: [],
      selfAttested: false,
    });
    expect(report.consents.map(({ role, level }) => [role, level])).toEqual([
      ['identity', 'L1'],
      ['plate', 'L1'],
    ]);
    expect(Object.keys(report.timingsS)).toEqual(
      expect.arrayContaining(['ingest', 'analyse', 'link', 'plan', 'render', 'assemble', 'verify', 'total']),
    );

    for (const side of ['before', 'after']) {
      const still = await send('GET', `/api/v1/shots/${shotId}/stills/${side}?frame=7&size=64`, producer);
      expect([side, still.status, still.headers.get('content-type')]).toEqual([side, 200, 'image/png']);
      const path = join(folder, `${side}.png`);
      await writeFile(path, Buffer.from(await still.arrayBuffer()));
      expect(await sniffMedia(path)).toMatchObject({ container: 'png' });
    }
    const beyond = await send('GET', `/api/v1/shots/${shotId}/stills/after?frame=${PLATE_FRAMES}`, producer);
    expect(beyond.status).toBe(404);

    const delivery = `/api/v1/deliveries/${report.output.path}`;
    expect((await json(await send('GET', `${delivery}/content`, producer))).body).toMatchObject({
      error: { code: 'OUTPUT_LOCKED' },
    });
    const reason = { reason: 'signed off' };
    expect((await json(await send('POST', `${delivery}/release`, producer, reason))).body).toMatchObject({
      error: { code: 'FORBIDDEN' },
    });
    expect((await json(await send('POST', `${delivery}/release`, other, reason))).body).toMatchObject({
      state: 'released',
    });
    expect((await shotOf(shotId)).state).toBe('released');
    const file = await send('GET', `${delivery}/content`, producer);
    const content = Buffer.from(await file.arrayBuffer());
    expect(file.headers.get('cache-control')).toBe('no-store');
    expect(createHash('sha256').update(content).digest('hex')).toBe(report.output.sha256);
    const part = await send('GET', `${delivery}/content`, producer, undefined, { range: 'bytes=10-19' });
    expect([part.status, Buffer.from(await part.arrayBuffer()).equals(content.subarray(10, 20))]).toEqual([206, true]);
    const path = join(folder, 'delivered.mp4');
    await writeFile(path, content);
    expect(await probePlate(path)).toMatchObject({ frameCount: PLATE_FRAMES, isConstantRate: true });
    const downloads = await farm.owner.query(
      `SELECT 1 FROM audit_events WHERE action = 'delivery.downloaded' AND shot_id = $1`,
      [shotId],
    );
    expect(downloads).toHaveLength(2);
  });

  it('shows a shot to nobody outside its project', async () => {
    const { shotId } = await farm.submit(stage);
    const stranger = await farm.addMember((await farm.addStage(plate)).projectId, 'producer');
    for (const path of ['', '/tasks', '/events', '/report', '/stream', '/stills/before']) {
      expect([path, (await send('GET', `/api/v1/shots/${shotId}${path}`, stranger)).status]).toEqual([path, 404]);
    }
    const list = await json(await send('GET', '/api/v1/shots', stranger));
    expect(list.body['items']).toEqual([]);
  });

  it('lets nobody release a self-attested shot from a farm, nor its own submitter by any way round', async () => {
    const { shotVersionId } = await farm.bringTo('ready', stage, lane);
    const { id } = await farm.one<{ id: string }>('SELECT id FROM deliveries WHERE shot_version_id = $1', [
      shotVersionId,
    ]);
    await expect(
      farm.database.query(
        `UPDATE deliveries SET state = 'released', released_by = $2, released_at = now() WHERE id = $1`,
        [id, stage.actor.id],
      ),
    ).rejects.toThrow('does not release it');
    await farm.owner.query(`UPDATE consents SET level = 'L0' WHERE id = $1`, [stage.plateConsentId]);
    await farm.owner.query(`UPDATE projects SET least_level = 'L0' WHERE id = $1`, [stage.projectId]);
    const answer = await json(await send('POST', `/api/v1/deliveries/${id}/release`, other, { reason: 'signed off' }));
    expect(answer.body).toMatchObject({ error: { code: 'CONSENT_LEVEL_TOO_LOW' } });
  });

  it('releases nothing whose consent ended, and says all reasons', async () => {
    const { shotVersionId } = await farm.bringTo('ready', stage, lane);
    const { id } = await farm.one<{ id: string }>('SELECT id FROM deliveries WHERE shot_version_id = $1', [
      shotVersionId,
    ]);
    await farm.owner.query(`UPDATE consents SET state = 'suspended' WHERE id = $1`, [stage.plateConsentId]);
    const answer = await json(await send('POST', `/api/v1/deliveries/${id}/release`, other, { reason: 'signed off' }));
    expect(answer).toMatchObject({
      status: 422,
      body: { error: { code: 'CONSENT_SUSPENDED', details: { point: 'release' } } },
    });
  });

  it('waives four eyes in a local project alone, and lists it', async () => {
    const local = await farm.addStage(plate, { profile: 'local', level: 'L0' });
    const { shotId, shotVersionId } = await farm.bringTo('ready', local, lane);
    const { id } = await farm.one<{ id: string }>('SELECT id FROM deliveries WHERE shot_version_id = $1', [
      shotVersionId,
    ]);
    const who = local.actor as Stage['actor'] & { secret: string };
    const answer = await json(await send('POST', `/api/v1/deliveries/${id}/release`, who, { reason: 'my own run' }));
    expect(answer.body).toMatchObject({ state: 'released' });
    const shot = Shot.parse((await json(await send('GET', `/api/v1/shots/${shotId}`, who))).body);
    expect(shot).toMatchObject({ selfAttested: true, waivers: ['four_eyes'] });
  });
});

/** Follows a stream of events until `done` says so. */
async function watch(url: string, secret: string, done: (shot: Shot) => boolean): Promise<void> {
  const gone = new AbortController();
  const response = await fetch(url, { headers: { authorization: `Bearer ${secret}` }, signal: gone.signal });
  if (response.body === null) throw new Error('the stream has no body');
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    const shots = messages.filter((message) => message.startsWith('event: shot\n'));
    if (shots.some((message) => done(Shot.parse(JSON.parse(message.slice(message.indexOf('data: ') + 6)))))) break;
  }
  gone.abort();
}
