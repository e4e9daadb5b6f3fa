import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { FRAMES, SHARDS } from '../job.js';
import type { Held } from '../ledger.js';
import type { Answer, Call } from '../relay.js';
import { type FaultCase, type Hit, hitNow, taskAccepted, type Trial } from '../trial.js';

const run = promisify(execFile);
const SHARD_FRAMES = FRAMES / SHARDS;

/** What a lane that is not right in its mind brings instead of its segment, and what it says of it. */
interface Lie {
  readonly phase: string;
  readonly everyday?: true;
  alter(segment: Buffer): Promise<Buffer>;
  /** Frames it claims. */
  readonly frames?: number;
  /** It reports the hash of what it should have brought. */
  readonly oldHash?: true;
}

async function throughFfmpeg(segment: Buffer, before: string[], after: string[]): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-lie-'));
  try {
    const [from, to] = [join(dir, 'from.mp4'), join(dir, 'to.mp4')];
    await writeFile(from, segment);
    await run('ffmpeg', ['-v', 'error', ...before, '-i', from, '-c', 'copy', ...after, to]);
    return await readFile(to);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A byte in the middle of the coded frames. */
async function turned(segment: Buffer): Promise<Buffer> {
  const body = Buffer.from(segment);
  const at = body.indexOf('mdat') + ((body.length - body.indexOf('mdat')) >> 1);
  body.writeUInt8(body.readUInt8(at) ^ 0xff, at);
  return body;
}

const cut = (segment: Buffer): Promise<Buffer> => throughFfmpeg(segment, [], ['-frames:v', String(SHARD_FRAMES - 1)]);
const lengthened = (segment: Buffer): Promise<Buffer> =>
  throughFfmpeg(segment, ['-stream_loop', '1'], ['-frames:v', String(SHARD_FRAMES + 1)]);
const retagged = (segment: Buffer): Promise<Buffer> =>
  throughFfmpeg(
    segment,
    [],
    ['-bsf:v', 'h264_metadata=colour_primaries=9:transfer_characteristics=16:matrix_coefficients=9'],
  );

const LIES: readonly Lie[] = [
  { phase: 'corrupt on its way', alter: turned, oldHash: true },
  { phase: 'corrupt', alter: turned },
  { phase: 'short', alter: cut },
  { phase: 'short, and said so', alter: cut, frames: SHARD_FRAMES - 1 },
  { phase: 'long', alter: lengthened },
  { phase: 'long, and said so', alter: lengthened, frames: SHARD_FRAMES + 1 },
  { phase: 'mis-tagged', alter: retagged, everyday: true },
];

function report(complete: Call, body: Buffer, { frames, oldHash }: Lie): Call {
  if (oldHash === true) return complete;
  const said = JSON.parse(complete.body.toString()) as { result: { frames: number; frameHashes: string[] } };
  const claimed = frames ?? said.result.frames;
  const hashes = said.result.frameHashes;
  const result = {
    ...said.result,
    sha256: createHash('sha256').update(body).digest('hex'),
    bytes: body.length,
    frames: claimed,
    frameHashes: Array.from({ length: claimed }, (_, at) => hashes[at] ?? hashes[0]!),
  };
  return { ...complete, body: Buffer.from(JSON.stringify({ ...said, result })) };
}

const FAULT_CODES = ['SEGMENT_INVALID', 'UPLOAD_MISMATCH', 'UNREADABLE_MEDIA'];

/** Brings the lie in the place of the first segment that goes up, once. */
async function lie(t: Trial, told: Lie): Promise<Hit> {
  let brought: { held: Held; body: Buffer } | undefined;
  await t.once('upload', async (call, held, forward): Promise<Answer> => {
    const body = await told.alter(call.body);
    brought = { held, body };
    const answer = await forward({ ...call, body });
    // The lane believes that what it sent has arrived.
    return { ...answer, headers: { ...answer.headers, 'upload-offset': String(call.body.length) } };
  });
  const { held, body } = brought!;
  const { relay, ledger } = t.farm;
  relay.rule = async (call, forward) =>
    await forward(call.deed === 'complete' && call.attemptId === held.attemptId ? report(call, body, told) : call);
  const hit = hitNow(taskAccepted(held.taskId));
  // What was reported may be in the store already, from the same shard of a shot before: then it is taken from there.
  const ends = told.oldHash === true ? ['rejected', 'accepted'] : ['rejected'];
  try {
    const ended = `SELECT error_code AS code FROM attempts WHERE id = $1 AND state = ANY ($2::attempt_state[])`;
    const { code } = await ledger.until<{ code: string | null }>(ended, [held.attemptId, ends]);
    expect(code === null ? told.oldHash : FAULT_CODES.includes(code)).toBe(true);
  } finally {
    relay.rule = undefined;
  }
  return hit;
}

export const RESULTS: readonly FaultCase[] = LIES.map((told) => ({
  ...{ fault: 'a segment that is not right', phase: told.phase },
  ...(told.everyday === undefined ? {} : { everyday: told.everyday }),
  run: (t: Trial) => t.through(() => lie(t, told)),
}));

/** Nothing of a shot whose consent was withdrawn goes on, and nothing of it can be delivered. */
const revoked: FaultCase = {
  ...{ fault: 'consent revoked', phase: 'rendering', everyday: true },
  run: async (t) => {
    const { farm, jobs } = t;
    const shotId = await jobs.submit(true);
    await farm.ledger.running(shotId, 1);
    const [used] = await farm.ledger.rows<{ id: string }>(`SELECT unnest(a.consent_ids) AS id ${OF_SHOT} LIMIT 1`, [
      shotId,
    ]);
    const { items } = await farm.client.call('listConsents', { query: { limit: 500 } });
    expect(items.map(({ id }) => id)).toContain(used?.id);
    const atMs = performance.now();
    await farm.client.call('revokeConsent', { params: { consentId: used!.id }, body: { reason: 'withdrawn' } });
    await farm.ledger.until(
      `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE state IN ('running', 'reported'))`,
      [],
    );
    const recoveryS = (performance.now() - atMs) / 1000;
    expect(recoveryS).toBeLessThan(5);
    expect(await farm.ledger.state(shotId)).toBe('revoked');
    expect((await farm.client.call('getShot', { params: { shotId } })).deliveryId).toBeNull();
    const segments = `SELECT 1 FROM segments s JOIN tasks t ON t.id = s.task_id JOIN shot_versions v ON v.id = t.shot_version_id
      WHERE v.shot_id = $1 AND s.quarantined_at IS NULL`;
    const deliveries = `SELECT 1 FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id WHERE v.shot_id = $1`;
    expect([await farm.ledger.count(segments, [shotId]), await farm.ledger.count(deliveries, [shotId])]).toEqual([
      0, 0,
    ]);
    await t.record(shotId, recoveryS);
    await t.allIsWell();
  },
};

const OF_SHOT = `FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN shot_versions v ON v.id = t.shot_version_id
  WHERE v.shot_id = $1`;

export const REVOCATIONS: readonly FaultCase[] = [revoked];
