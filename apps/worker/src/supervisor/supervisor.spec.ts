import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Card } from '@understudy/inference';

import { workerConfig } from '../config/config.js';
import { openLog } from '../log.js';
import { LogSpool } from '../logs/log-spool.js';
import type { HeldAttempt } from '../messages.js';
import { ObjectCache } from './object-cache.js';
import { Scratch } from './scratch.js';
import { Supervisor } from './supervisor.js';

/** A lane without models: notes its pid, leaves a file in its scratch, and does what its first argument says. */
const LANE = `
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
process.on('message', (order) => {
  if (order.type === 'start') {
    mkdirSync(order.config.scratch, { recursive: true });
    writeFileSync(order.config.scratch + '/frames', 'x');
    appendFileSync(process.env.PIDS, process.pid + ' ' + process.env.WORKER_TOKEN + '\\n');
    appendFileSync(process.env.PIDS + '-cards', order.config.ordinal + ' ' + process.env.CUDA_VISIBLE_DEVICES + '\\n');
    if (process.env.BEHAVIOUR === 'refused') {
      process.send({ type: 'fatal', error: { code: 'UNAUTHENTICATED', message: 'no such token' } });
    } else {
      process.send({ type: 'registered' });
      if (process.env.BEHAVIOUR === 'busy') {
        process.send({ type: 'attempt', held: { attemptId: 'first', epoch: 1, range: [0, 5] } });
        process.send({ type: 'attempt', held: null });
        process.send({ type: 'attempt', held: { attemptId: 'second', epoch: 1, range: [5, 9] } }, () => {
          process.kill(process.pid, 'SIGSEGV');
        });
      }
    }
  }
  if (order.type === 'drain' && process.env.BEHAVIOUR !== 'stubborn') process.disconnect();
  if (order.type === 'abort' && process.env.BEHAVIOUR !== 'hung') process.disconnect();
});
`;

let folder: string;
let scratch: Scratch;
let logs: LogSpool;
let supervisor: Supervisor;
let reports: string[];

async function start(
  behaviour: string,
  lanes = 1,
  on: { cards?: Card[]; visible?: string } = {},
): Promise<{ running: Promise<void> }> {
  await writeFile(join(folder, 'lane.mjs'), LANE);
  const config = workerConfig({
    COORDINATOR_URL: 'http://127.0.0.1:1',
    WORKER_TOKEN: 'secret',
    LANES: String(lanes),
    SCRATCH_DIR: join(folder, 'scratch'),
    DATA_DIR: folder,
    DRAIN_GRACE_MS: '100',
    PIDS: join(folder, 'pids'),
    BEHAVIOUR: behaviour,
    PATH: process.env['PATH'],
    CUDA_VISIBLE_DEVICES: on.visible,
  });
  scratch = await Scratch.take(config.scratchDir);
  const objects = new ObjectCache(scratch.objects, 1000, async () => {});
  const program = join(folder, 'lane.mjs');
  const report = async ({ attemptId }: HeldAttempt, message: string) => void reports.push(`${attemptId}: ${message}`);
  logs = new LogSpool(join(folder, 'logs'));
  supervisor = new Supervisor({
    config,
    candidate: { provider: Object.keys(on).length === 0 ? 'cpu' : 'cuda', precision: 'fp32' },
    cards: on.cards ?? [],
    scratch,
    logs,
    objects,
    log: openLog('silent', {}),
    report,
    session: { token: 'opened', refused: () => Promise.resolve() },
    program,
  });
  const running = supervisor.run();
  running.catch(() => {});
  return { running };
}

const lines = async () =>
  (await readFile(join(folder, 'pids'), 'utf8').catch(() => '')).trim().split('\n').filter(Boolean);
const pids = async () => (await lines()).map((line) => Number(line.split(' ')[0]));
const untilStarted = (count: number) =>
  vi.waitUntil(async () => (await lines()).length >= count, { timeout: 20_000, interval: 20 });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

beforeEach(async () => {
  reports = [];
  folder = await mkdtemp(join(tmpdir(), 'understudy-supervisor-'));
});
afterEach(async () => {
  supervisor.abort();
  for (const pid of await pids()) expect(isAlive(pid) && pid !== process.pid ? `${pid} lives` : 'gone').toBe('gone');
  await rm(folder, { recursive: true, force: true });
});

describe('supervisor', () => {
  it.each([
    ['its card, by turns where there are fewer', { cards: ['GPU-a', 'GPU-b'] }, ['GPU-a', 'GPU-b', 'GPU-a']],
    ['a number of those given, where no driver answers', { visible: '4,2,7' }, ['4', '2', '7']],
    ['nothing on a processor', {}, ['undefined', 'undefined', 'undefined']],
  ])('gives each lane %s', async (_, { cards, ...on }: { cards?: string[]; visible?: string }, seen) => {
    const found = cards?.map((uuid) => ({ uuid, computeCapability: '8.6', vramMiB: 8192 }));
    const { running } = await start('good', 3, found === undefined ? on : { cards: found });
    await untilStarted(3);
    supervisor.drain();
    await running;
    const devices = (await readFile(join(folder, 'pids-cards'), 'utf8')).trim().split('\n').toSorted();
    expect(devices).toEqual(seen.map((device, ordinal) => `${ordinal} ${device}`));
  });

  it('keeps a process a lane and ends them by a drain', async () => {
    const { running } = await start('good', 2);
    await untilStarted(2);
    supervisor.drain();
    await running;
  });

  it('keeps the token out of the lanes’ environment', async () => {
    const { running } = await start('good');
    await untilStarted(1);
    expect((await lines())[0]).toMatch(/ undefined$/);
    supervisor.drain();
    await running;
  });

  it('starts a killed lane again and wipes what it left', async () => {
    const { running } = await start('good');
    await untilStarted(1);
    const [first] = await pids();
    await writeFile(join(scratch.lane(0), 'half-a-segment'), 'x');
    process.kill(first!, 'SIGKILL');
    await untilStarted(2);
    const [, second] = await pids();
    expect(second).not.toBe(first);
    expect(await readdir(scratch.lane(0))).toEqual(['frames']);
    supervisor.drain();
    await running;
    expect(await readdir(scratch.folder)).toEqual(['owner.json']);
  });

  it('answers for what a lane was at work on when it died, and for nothing that was over', async () => {
    const { running } = await start('busy');
    await untilStarted(2);
    expect(reports[0]).toBe("second: The lane's process ended (SIGSEGV) while it worked on frames [5, 9).");
    expect(reports.filter((report) => report.startsWith('first'))).toEqual([]);
    supervisor.abort();
    await running;
  });

  it('ends at once when told so, a lane that hears nothing included', async () => {
    const { running } = await start('hung');
    await untilStarted(1);
    const [pid] = await pids();
    process.kill(pid!, 'SIGSTOP');
    supervisor.abort();
    await running;
    expect(isAlive(pid!)).toBe(false);
  });

  it('gives up with the code when no lane is let in', async () => {
    const { running } = await start('refused');
    await expect(running).rejects.toMatchObject({ code: 'UNAUTHENTICATED', exitCode: 3 });
  });
});
