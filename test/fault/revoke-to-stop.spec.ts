import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { FaultFarm } from './farm.js';
import { Jobs } from './job.js';

/** How often; `./understudy test all` sets it to 50. */
const REVOCATIONS = Number(process.env['REVOCATIONS'] ?? '1');
const CUT_OFF = Math.max(1, Math.round(REVOCATIONS / 10));
/** What is promised, from the revocation's commit on. */
const MOST_MS = 2_000;
const LEASE_SECONDS = 10;
const MOST_CUT_OFF_MS = LEASE_SECONDS * 1000;

let farm: FaultFarm;
let jobs: Jobs;
beforeAll(async () => {
  // The times of a farm as it is installed, not the short ones of the other faults.
  const settings = { LEASE_SECONDS: String(LEASE_SECONDS), HEARTBEAT_SECONDS: '2', SWEEP_SECONDS: '2' };
  farm = await FaultFarm.start(readConfig().homeDir, settings);
  jobs = await Jobs.draw(farm);
}, 180_000);
afterEach(() => {
  farm.relay.rule = undefined;
  farm.relay.heal();
});
afterAll(() => farm.stop());

/** Bytes of each file of attempts in the lanes' scratch folders. */
function scratchFiles(): Map<string, number> {
  const files = new Map<string, number>();
  for (const name of readdirSync(farm.scratchDir, { recursive: true }) as string[]) {
    if (!/^lane-\d+\/./.test(name)) continue;
    const stat = statSync(join(farm.scratchDir, name), { throwIfNoEntry: false });
    if (stat?.isFile() === true) files.set(name, stat.size);
  }
  return files;
}

interface Stop {
  /** From the moment that it is counted from, in ms; 0 where nothing of it was seen. */
  lastFrameMs: number;
  lastByteMs: number;
  plaintextGoneMs: number;
}

/** Watches scratch folders and what passes to lanes, from `fromMs` until nothing is left and it has been quiet for a while. */
async function watch(fromMs: number, withinMs: number): Promise<Stop> {
  const stop: Stop = { lastFrameMs: 0, lastByteMs: 0, plaintextGoneMs: 0 };
  farm.relay.rule = async (call, forward) => {
    const answer = await forward(call);
    const served = call.method === 'GET' && call.path.includes('/objects/') && answer.status < 300;
    const taken = call.deed === 'upload' && call.method === 'PUT' && answer.status < 300;
    if (served || taken) stop.lastByteMs = performance.now() - fromMs;
    return answer;
  };
  let before = scratchFiles();
  let quietSince = performance.now();
  while (performance.now() - quietSince < 700 && performance.now() - fromMs < withinMs) {
    await delay(5);
    const now = scratchFiles();
    const at = performance.now();
    const grew = [...now].some(([name, size]) => size > (before.get(name) ?? 0));
    if (grew) stop.lastFrameMs = at - fromMs;
    if (now.size > 0) stop.plaintextGoneMs = at - fromMs;
    if (now.size > 0 || grew) quietSince = at;
    before = now;
  }
  return stop;
}

/** A shot that renders, and the consent that its new face stands on. */
async function rendering(): Promise<{ shotId: string; consentId: string }> {
  const shotId = await jobs.submit();
  // Not by frames: a shard of this clip may be done before its lane's first heartbeat.
  await farm.ledger.running(shotId, 0);
  for (let tries = 0; tries < 500 && scratchFiles().size === 0; tries += 1) await delay(10);
  const [row] = await farm.ledger.rows<{ id: string }>(
    `SELECT m.identity_consent_id AS id FROM cast_members m JOIN shot_versions v ON v.id = m.shot_version_id
      WHERE v.shot_id = $1`,
    [shotId],
  );
  return { shotId, consentId: row?.id ?? '' };
}

/** Revokes, and says when others could first see it committed. */
async function revoke(consentId: string): Promise<number> {
  const request = { params: { consentId }, body: { reason: 'the performer asked for it' } };
  const [seenAt] = await Promise.all([committed(consentId), farm.client.call('revokeConsent', request)]);
  return seenAt;
}

async function committed(consentId: string): Promise<number> {
  await farm.ledger.until(`SELECT 1 FROM consents WHERE id = $1 AND state = 'revoked'`, [consentId], 30_000);
  return performance.now();
}

/** Counted from another moment; what came before it counts as 0. */
const since = (stop: Stop, laterMs: number): Stop => ({
  lastFrameMs: Math.max(0, stop.lastFrameMs - laterMs),
  lastByteMs: Math.max(0, stop.lastByteMs - laterMs),
  plaintextGoneMs: Math.max(0, stop.plaintextGoneMs - laterMs),
});

/** Watches while the consent is revoked. @returns counted from the commit */
async function stopOf(consentId: string, withinMs: number): Promise<Stop> {
  const askedAt = performance.now();
  const [stop, committedAt] = await Promise.all([watch(askedAt, withinMs), revoke(consentId)]);
  return since(stop, committedAt - askedAt);
}

/** What must be true of a shot whose consent is gone, however long one waits. */
async function requireOver(shotId: string, consentId: string): Promise<void> {
  const [row] = await farm.ledger.rows<{ state: string; open: number; loose: number; due: number }>(
    `SELECT v.state::text AS state,
            (SELECT count(*)::int FROM tasks WHERE shot_version_id = v.id AND state IN ('pending', 'leased', 'reported')) AS open,
            (SELECT count(*)::int FROM segments g JOIN tasks t ON t.id = g.task_id
              WHERE t.shot_version_id = v.id AND g.quarantined_at IS NULL) AS loose,
            (SELECT count(*)::int FROM deletions WHERE shot_version_id = v.id AND consent_id = $2) AS due
       FROM shot_versions v WHERE v.shot_id = $1`,
    [shotId, consentId],
  );
  expect(row).toEqual({ state: 'revoked', open: 0, loose: 0, due: 1 });
}

const worst = (stops: readonly Stop[], key: keyof Stop): number =>
  Math.round(Math.max(...stops.map((stop) => stop[key])));

it(`stops what runs, ${REVOCATIONS} times, within ${MOST_MS} ms`, { timeout: REVOCATIONS * 60_000 }, async () => {
  const stops: Stop[] = [];
  for (let turn = 0; turn < REVOCATIONS; turn += 1) {
    const { shotId, consentId } = await rendering();
    // Anywhere in a shard, the same places in each run.
    await delay((turn * 97) % 400);
    expect(await farm.ledger.state(shotId)).toBe('rendering');
    stops.push(await stopOf(consentId, 20_000));
    await requireOver(shotId, consentId);
  }
  const figures = {
    revocations: stops.length,
    lastFrameMs: worst(stops, 'lastFrameMs'),
    lastByteMs: worst(stops, 'lastByteMs'),
    plaintextGoneMs: worst(stops, 'plaintextGoneMs'),
  };
  console.log(`revoke-to-stop, worst: ${JSON.stringify(figures)}`);
  expect(Math.max(figures.lastFrameMs, figures.lastByteMs, figures.plaintextGoneMs)).toBeLessThan(MOST_MS);
});

it(
  `a lane that nobody reaches stops by itself within its lease, ${CUT_OFF} times`,
  { timeout: CUT_OFF * 90_000 },
  async () => {
    const stops: Stop[] = [];
    for (let turn = 0; turn < CUT_OFF; turn += 1) {
      const { shotId, consentId } = await rendering();
      farm.relay.cut();
      stops.push(await stopOf(consentId, MOST_CUT_OFF_MS + 4_000));
      await requireOver(shotId, consentId);
      farm.relay.heal();
    }
    const figures = { lastFrameMs: worst(stops, 'lastFrameMs'), plaintextGoneMs: worst(stops, 'plaintextGoneMs') };
    console.log(`cut off, worst: ${JSON.stringify(figures)}`);
    expect(worst(stops, 'lastByteMs')).toBe(0);
    expect(Math.max(figures.lastFrameMs, figures.plaintextGoneMs)).toBeLessThan(MOST_CUT_OFF_MS);
  },
);
