import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { UnderstudyError } from '@understudy/contracts';
import { FarmGauges } from '../../apps/coordinator/src/metrics/farm-gauges.js';
import { Submissions } from '../../apps/coordinator/src/shots/submissions.js';
import { StageTransitions } from '../../apps/coordinator/src/stages/stage-transitions.js';
import type { FakeLane } from './fake-lane.js';
import { makePlate } from './drawn-plate.js';
import { type Stage, StagesFarm } from './stages-farm.js';

interface Told {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string } }[];
}
interface Body {
  resourceSpans: { scopeSpans: { spans: Told[] }[] }[];
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

let collector: Server;
let status = 200;
let headers: (string | undefined)[] = [];
let told: Told[] = [];
let texts = '';
let folder: string;
let plate: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const body = await text(request);
    headers = [request.url, request.headers['content-type'], request.headers['x-farm']?.toString()];
    if (status === 200) {
      texts += body;
      told.push(...(JSON.parse(body) as Body).resourceSpans.flatMap((one) => one.scopeSpans.flatMap((s) => s.spans)));
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(join(tmpdir(), 'plates-'));
  plate = join(folder, 'plate.mp4');
  await makePlate(plate);
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'x-farm=night%20shift' };
  farm = await StagesFarm.start({ serve: false, settings });
  lane = await farm.addLane();
});
beforeEach(async () => {
  [status, told, texts] = [200, [], ''];
  await farm.clear();
  stage = await farm.addStage(plate);
});
afterAll(async () => {
  await farm.stop();
  collector.close();
  await rm(folder, { recursive: true, force: true });
});

const intents = async (shotVersionId: string) =>
  await farm.owner.query<{ data: { shotVersionId: string; state: 'ready' | 'released' } }>(
    `SELECT data FROM outbox WHERE stage = 'trace' AND key LIKE $1 || '/%' ORDER BY created_at`,
    [shotVersionId],
  );
const counted = async (outcome: string): Promise<number> => {
  const metrics = await farm.get(FarmGauges).text();
  return Number(new RegExp(`understudy_spans_total{outcome="${outcome}"} (\\d+)`).exec(metrics)?.[1] ?? 0);
};

it('hang together from submission to delivery, under the span of whoever submitted', async () => {
  const shot = await farm.bringTo('ready', stage, lane, {});
  await farm.owner.query('UPDATE shot_versions SET traceparent = $2 WHERE id = $1', [
    shot.shotVersionId,
    `00-${TRACE}-${CALLER}-01`,
  ]);
  const [ready] = await intents(shot.shotVersionId);
  await farm.handlers.trace.run(ready!.data);
  expect(headers).toEqual(['/v1/traces', 'application/json', 'night shift']);
  expect(new Set(told.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  const byId = new Map(told.map((span) => [span.spanId, span]));
  expect(byId.size).toBe(told.length);
  const roots = told.filter(({ parentSpanId }) => !byId.has(parentSpanId ?? ''));
  expect(roots).toMatchObject([{ name: 'shot', parentSpanId: CALLER }]);
  const under = (name: string) =>
    told.filter(({ parentSpanId }) => byId.get(parentSpanId ?? '')?.name === name).map((span) => span.name);
  expect(under('shot')).toEqual([
    'ingesting',
    'analysing',
    'linking',
    'planning',
    'rendering',
    'assembling',
    'verifying',
  ]);
  expect(under('rendering')).toEqual(['attempt render', 'attempt render']);
  expect(under('analysing').every((name) => name === 'attempt analyse')).toBe(true);
  expect(under('attempt render')).toEqual(['verify segment', 'verify segment']);
  for (const span of told) {
    const parent = byId.get(span.parentSpanId ?? '');
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    if (parent === undefined) continue;
    expect(BigInt(span.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(parent.startTimeUnixNano));
  }
  expect(texts).not.toContain(stage.projectName);
  expect(texts).not.toMatch(/Shot |host|\.mp4/);
});

it('tell of a release afterwards, in the same trace', async () => {
  const { shotVersionId } = await farm.bringTo('ready', stage, lane);
  const move = { shotVersionId, from: ['ready'], to: 'released', actor: 'test' } as const;
  await farm.database.hotTransaction((sql) => farm.get(StageTransitions).move(sql, move));
  const both = await intents(shotVersionId);
  expect(both.map(({ data }) => data.state)).toEqual(['ready', 'released']);
  for (const { data } of both) await farm.handlers.trace.run(data);
  const root = told.find(({ name }) => name === 'shot');
  expect(told.at(-1)).toMatchObject({ name: 'ready', parentSpanId: root?.spanId, traceId: root?.traceId });
});

it('wait for a collector that is away, and are counted when it never takes them', async () => {
  const { shotVersionId } = await farm.bringTo('ready', stage, lane);
  const [ready] = await intents(shotVersionId);
  status = 503;
  const failed = await farm.handlers.trace.run(ready!.data).catch((thrown: unknown) => thrown);
  expect(failed).toMatchObject({ code: 'TRACES_NOT_TAKEN' });
  const before = await counted('dropped');
  await farm.handlers.trace.abandon(ready!.data, failed as UnderstudyError);
  status = 400;
  await farm.handlers.trace.run(ready!.data);
  await new Promise((resolve) => setTimeout(resolve, 5_100));
  const dropped = (await counted('dropped')) - before;
  status = 200;
  await farm.handlers.trace.run(ready!.data);
  expect(dropped).toBe(2 * told.length);
  expect(told.length).toBeGreaterThan(10);
});

it('keep the span that a submission came with', async () => {
  const { shotVersionId } = await farm.submit(stage);
  const kept = `00-${TRACE}-${CALLER}-01`;
  const body = await farm.one<{ traceparent: string | null }>('SELECT traceparent FROM shot_versions WHERE id = $1', [
    shotVersionId,
  ]);
  expect(body.traceparent).toBeNull();
  const submit = farm.get(Submissions);
  const shotId = await submit.submit(stage.actor, farm.submission(stage), kept);
  expect(await farm.one('SELECT traceparent FROM shot_versions WHERE shot_id = $1', [shotId])).toEqual({
    traceparent: kept,
  });
});

it('are made by nobody where no collector is named', async () => {
  const quiet = await StagesFarm.start({ serve: false });
  try {
    const own = await quiet.addStage(plate);
    const { shotVersionId } = await quiet.submit(own);
    const move = { shotVersionId, from: ['ingesting'], to: 'ready', actor: 'test' } as const;
    await quiet.database.hotTransaction((sql) => quiet.get(StageTransitions).move(sql, move));
    expect(await quiet.owner.query(`SELECT 1 FROM outbox WHERE stage = 'trace'`)).toEqual([]);
  } finally {
    await quiet.stop();
  }
});
