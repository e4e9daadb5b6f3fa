import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ATTEMPT_LOG, AttemptLogPart, UnderstudyError } from '@understudy/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openLog } from '../log.js';
import { AttemptLog } from './attempt-log.js';
import { LogShipper } from './log-shipper.js';
import { LogSpool } from './log-spool.js';
import { withoutFolders } from './without-folders.js';

const ATTEMPT = { attemptId: '0f0e0d0c-0b0a-4908-8706-050403020100', epoch: 2 };

let root: string;
let spool: LogSpool;
let sent: { attemptId: string; part: AttemptLogPart }[];
let refusal: UnderstudyError | undefined;
let shipper: LogShipper;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'understudy-logs-'));
  spool = new LogSpool(root);
  sent = [];
  refusal = undefined;
  const send = async (attemptId: string, part: AttemptLogPart) => {
    if (refusal !== undefined) throw refusal;
    sent.push({ attemptId, part: AttemptLogPart.parse(part) });
  };
  shipper = new LogShipper({ spool, send, log: openLog('silent', {}) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const files = async () => (await readdir(root, { recursive: true })).filter((name) => name.includes('.'));
const messages = () => sent.flatMap(({ part }) => part.lines.map(({ message }) => message));

describe('the log of an attempt', () => {
  it('goes up while it grows, and leaves nothing behind when it has ended', async () => {
    const log = new AttemptLog(spool.lane(0), ATTEMPT);
    log.write('info', { ...ATTEMPT, frames: 3 }, 'begins');
    expect(await shipper.ship()).toBe(true);
    expect(sent).toEqual([
      {
        attemptId: ATTEMPT.attemptId,
        part: {
          epoch: 2,
          part: 0,
          firstLine: 1,
          lines: [{ at: expect.any(String), level: 'info', message: 'begins', fields: { epoch: 2, frames: 3 } }],
        },
      },
    ]);
    await shipper.ship();
    expect(sent).toHaveLength(1);
    log.write('info', {}, 'ends');
    log.end();
    await shipper.ship();
    expect(sent.at(-1)?.part.lines.map(({ message }) => message)).toEqual(['begins', 'ends']);
    expect(await files()).toEqual([]);
  });

  it('keeps its head and its tail within bounds, and numbers its lines so that the cut shows', async () => {
    const log = new AttemptLog(spool.lane(0), ATTEMPT);
    const long = 'x'.repeat(1000);
    for (let line = 1; line <= 2000; line++) log.write('info', { line, long }, 'said');
    log.end();
    await shipper.ship();
    const lines = sent.flatMap(({ part }) =>
      part.lines.map(({ fields }, index) => ({ number: part.firstLine + index, said: fields['line'] })),
    );
    expect(lines.every(({ number, said }) => number === said)).toBe(true);
    expect(lines[0]?.number).toBe(1);
    expect(lines.at(-1)?.number).toBe(2000);
    const { headParts, tailParts, partBytes } = ATTEMPT_LOG;
    expect(sent).toHaveLength(headParts + tailParts);
    const bytes = sent.reduce((sum, { part }) => sum + JSON.stringify(part.lines).length, 0);
    expect(bytes).toBeLessThanOrEqual((headParts + tailParts) * partBytes);
    expect(bytes).toBeGreaterThan((headParts + tailParts - 1) * partBytes * 0.9);
  });

  it('waits on disk while the coordinator is away, also for the next worker', async () => {
    const log = new AttemptLog(spool.lane(0), ATTEMPT);
    log.write('error', {}, 'attempt failed');
    log.end();
    refusal = new UnderstudyError('COORDINATOR_UNREACHABLE', 'away');
    expect(await shipper.ship()).toBe(false);
    expect(await files()).not.toEqual([]);
    refusal = undefined;
    const next = new LogShipper({
      spool: new LogSpool(root),
      send: async (attemptId, part) => void sent.push({ attemptId, part }),
      log: openLog('silent', {}),
    });
    await next.start();
    await next.end();
    expect(messages()).toEqual(['attempt failed']);
    expect(await files()).toEqual([]);
  });

  it('is dropped when the coordinator knows no such attempt', async () => {
    new AttemptLog(spool.lane(0), ATTEMPT).write('info', {}, 'begins');
    refusal = new UnderstudyError('NOT_FOUND', 'none');
    expect(await shipper.ship()).toBe(true);
    expect(await files()).toEqual([]);
  });

  it('ends with how the process of its lane did, without folders', async () => {
    const log = new AttemptLog(spool.lane(3), ATTEMPT);
    log.write('info', {}, 'begins');
    await spool.endLane(3, 'SIGSEGV', 'fault in /opt/lib/libonnxruntime.so at file:///srv/app/dist/x.js:12:3');
    await shipper.ship();
    expect(messages()).toEqual(['begins', "the lane's process ended"]);
    const last = sent.at(-1)?.part;
    expect(last).toMatchObject({ part: 1, firstLine: 2 });
    expect(last?.lines[0]?.fields).toEqual({
      how: 'SIGSEGV',
      stderr: 'fault in …/libonnxruntime.so at …/x.js:12:3',
    });
    expect(await files()).toEqual([]);
  });

  it('holds no folder of this host', async () => {
    const log = new AttemptLog(spool.lane(0), ATTEMPT);
    log.write('error', { stderr: '/scratch/objects/ab12: Invalid data' }, 'attempt failed');
    const [name = ''] = await readdir(spool.lane(0));
    expect(await readFile(join(spool.lane(0), name), 'utf8')).not.toContain('/scratch');
    expect(withoutFolders('ratio 3/4, and/or a /tmp')).toBe('ratio 3/4, and/or a /tmp');
  });
});
