import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Shot, ShotReport } from '@understudy/contracts';
import { probePlate, sniffMedia } from '@understudy/media';
import { KeptPictures } from '../../apps/coordinator/src/objects/kept-pictures.js';
import { type FakeLane, observe } from './fake-lane.js';
import { PLATE_FRAMES } from './drawn-plate.js';
import { type Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

let folder: string;
let plate: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;

useStages((world) => {
  ({ folder, plate, farm, lane, stage } = world);
});

describe('served', () => {
  let served: StagesFarm;
  let producer: { secret: string };
  let other: Awaited<ReturnType<StagesFarm['addMember']>>;

  afterAll(() => served?.stop());
  beforeEach(async () => {
    served ??= await StagesFarm.start({ serve: true, beside: farm });
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
    // The other stands half in front of the member, who is missed for three frames.
    const { embedding } = observe(0, 1);
    const inFront = (frame: number) => observe(frame, 0.4, frame % 6 === 0 && embedding ? { embedding } : {});
    lane.faces = (frame) => (frame >= 10 && frame < 13 ? [inFront(frame)] : [observe(frame, 0), inFront(frame)]);
    const { identityPerformerId, platePerformerId, identityAssetId, plateAssetId, projectId } = stage;
    const cast = [{ platePerformerId, identityPerformerId, identityAssetIds: [identityAssetId] }];
    const recipe = { processors: [{ type: 'replace' }] };
    const request = { projectId, name: 'Opening', plateAssetId, recipe, cast, leastShards: 3 };
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const submitted = await json(await send('POST', '/api/v1/shots', producer, request, { traceparent }));
    expect(
      await farm.one('SELECT traceparent FROM shot_versions WHERE id = $1', [submitted.body['shotVersionId']]),
    ).toEqual({ traceparent });
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
      // Missed behind the other in 10 to 12, and partly covered by it before and after.
      leftAsFilmed: [[2, 21]],
    });
    expect(report.faces.find(({ cast: member }) => member === null)).toMatchObject({
      idToIdentity: null,
      leftAsFilmed: [],
    });
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
    // What nobody has released is small and marked; the plate is as it was.
    const edge = async (side: string, query: string): Promise<unknown> =>
      edgeOf(await send('GET', `/api/v1/shots/${shotId}/stills/${side}?frame=7${query}`, producer));
    expect(await edge('after', '')).toEqual(ORANGE);
    expect(await edge('after', '&size=64')).toEqual(ORANGE);
    expect(await edge('before', '')).not.toEqual(ORANGE);
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
    expect(await edge('after', '')).not.toEqual(ORANGE);
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

  it('shows what was made 960 samples wide at most until it is released, and nothing of it while the shot is held', async () => {
    const { shotId, shotVersionId } = await farm.bringTo('ready', stage, lane);
    const png = vi.spyOn(served.app.get(KeptPictures), 'get');
    const asked = async (query: string): Promise<string | undefined> => {
      await send('GET', `/api/v1/shots/${shotId}/stills/after?frame=2${query}`, producer);
      return png.mock.lastCall?.[0].what;
    };
    expect(await asked('')).toMatch(/-960-marked$/);
    expect(await asked('&size=4096')).toMatch(/-960-marked$/);
    expect(await asked('&size=320')).toMatch(/-320-marked$/);
    png.mockRestore();
    await farm.owner.query(`UPDATE shot_versions SET state = 'held', held_from = 'verifying' WHERE id = $1`, [
      shotVersionId,
    ]);
    const answer = await json(await send('GET', `/api/v1/shots/${shotId}/stills/after?frame=2`, producer));
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'OUTPUT_LOCKED' } } });
    expect((await send('GET', `/api/v1/shots/${shotId}/stills/before?frame=2`, producer)).status).toBe(200);
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
    await farm.owner.tampering.query('ALTER TABLE projects DISABLE TRIGGER projects_terms_stay');
    await farm.owner.query(`UPDATE projects SET least_level = 'L0' WHERE id = $1`, [stage.projectId]);
    await farm.owner.tampering.query('ALTER TABLE projects ENABLE ALWAYS TRIGGER projects_terms_stay');
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

/** Red, green and blue of the edge that a preview has. */
const ORANGE = [255, 165, 0];

async function edgeOf(response: Response): Promise<number[]> {
  const { data, info } = await sharp(Buffer.from(await response.arrayBuffer()))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const first = info.channels * (info.width * 30);
  return [...data.subarray(first, first + 3)];
}

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
