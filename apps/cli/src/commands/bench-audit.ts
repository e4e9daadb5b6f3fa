import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createNodeClient } from '@understudy/client/node';
import { CONTENT_ROUTES, UnderstudyError } from '@understudy/contracts';
import { appendAuditEvents, type Database, type NewAuditEvent, openDatabase } from '@understudy/db';
import { type Command, InvalidArgumentError } from 'commander';
import { readConfig, ROOT_DIR } from '../config.js';
import { BenchFarm } from './bench/bench-farm.js';
import { HttpLine } from './bench/http-line.js';
import { rssMiB } from './bench/process-usage.js';
import { seedShots } from './bench/seed.js';

const CLI_ENTRY = join(ROOT_DIR, 'apps/cli/dist/main.js');
const WRITERS = 8;
/** As a claim of several lanes at once writes them. */
const EVENTS_A_TRANSACTION = 20;
const CLAIMS = 300;
const WARM_UP = 50;
const PROBE_EVERY_MS = 500;

export interface AuditReport {
  readonly events: number;
  /** From the first write to the signed checkpoint over the last event. */
  readonly appendedPerSec: number;
  /** By `audit verify` in a process of its own, against the anchor folder. */
  readonly verifiedPerSec: number;
  /** From an event's commit to the checkpoint over it, under that load: median. */
  readonly checkpointLagMs: number;
  readonly checkpointLagMsP99: number;
  /** Part of a claim's time over HTTP that writing its event down takes: medians of each. */
  readonly claimOverhead: number;
  readonly claimMs: number;
  readonly appendMs: number;
  readonly verifyRssMiB: number;
  readonly exportMiB: number;
  readonly eventsPerTransaction: number;
}

type Say = (step: string) => void;

export function addBenchAuditCommand(program: Command): void {
  const bench = program.commands.find((command) => command.name() === 'bench') ?? program.command('bench');
  bench
    .command('audit')
    .description('the audit log: events appended and verified a second, how far checkpoints lag, what a claim pays')
    .option('--events <n>', 'events to write', count, 1_000_000)
    .option('--json', 'the figures as the last line of standard output')
    .action(async (options: { events: number; json?: boolean }) => {
      const report = await benchAudit(options.events, readConfig().homeDir, (step) => console.error(`bench: ${step}`));
      console.log(JSON.stringify(report, null, options.json === true ? undefined : 2));
    });
}

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1000 && number <= 10_000_000) return number;
  throw new InvalidArgumentError('a number from 1000 to 10000000 is needed');
}

async function benchAudit(events: number, homeDir: string, say: Say): Promise<AuditReport> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-audit-'));
  say('starting Postgres and a coordinator');
  const farm = await BenchFarm.start(homeDir);
  const writer = openDatabase(farm.owner.url, { maxConnections: WRITERS + 2 });
  try {
    await farm.startCoordinator({ LEASE_SECONDS: '3600', AUDIT_ANCHOR_DIR: join(folder, 'anchor') });
    say('what a claim pays');
    const claim = await claimCost(farm, writer);
    say(`writing ${events} events`);
    const appended = await append(farm.owner, writer, events, say);
    say('taking the log out and verifying it');
    const verified = await verify(farm, folder);
    return { events, ...appended, ...verified, ...claim, eventsPerTransaction: EVENTS_A_TRANSACTION };
  } finally {
    await writer.close();
    await farm.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const event = (n: number): NewAuditEvent => ({
  actor: 'worker:00000000-0000-4000-8000-000000000000',
  action: 'bench.leased',
  subjectType: 'Task',
  subjectId: String(n),
  data: { attempt: n, epoch: 1, kind: 'render', startFrame: n * 24, endFrame: (n + 1) * 24, consents: ['a', 'b'] },
});

async function claimCost(
  farm: BenchFarm,
  writer: Database,
): Promise<Pick<AuditReport, 'claimOverhead' | 'claimMs' | 'appendMs'>> {
  const [lane] = await farm.addLanes(1);
  if (lane === undefined) throw new UnderstudyError('INTERNAL', 'the bench has no lane');
  await seedShots(farm, { name: 'audit bench', shots: 4, shardsEach: CLAIMS });
  const line = new HttpLine(farm.address, lane.token);
  const claims = await samples(async () => {
    const { status, body } = await line.post(`/api/v1/lanes/${lane.laneId}/lease`, { waitSeconds: 0 });
    if (status !== 200 || (body as { lease: unknown }).lease === null) {
      throw new UnderstudyError('INTERNAL', `the coordinator of the bench gave no lease: ${status}`);
    }
  });
  line.close();
  const appends: number[] = [];
  await writer.hotTransaction(async (sql) => {
    appends.push(...(await samples(() => appendAuditEvents(sql, [event(0)], new Date()))));
  });
  const [claimMs, appendMs] = [quantile(claims, 0.5), quantile(appends, 0.5)];
  return { claimOverhead: round(appendMs / claimMs, 3), claimMs: round(claimMs, 2), appendMs: round(appendMs, 2) };
}

async function samples(work: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let n = 0; n < WARM_UP + CLAIMS; n += 1) {
    const startedMs = performance.now();
    await work();
    if (n >= WARM_UP) taken.push(performance.now() - startedMs);
  }
  return taken;
}

async function append(
  owner: Database,
  writer: Database,
  events: number,
  say: Say,
): Promise<Pick<AuditReport, 'appendedPerSec' | 'checkpointLagMs' | 'checkpointLagMsP99'>> {
  const before = await size(owner);
  const stop = new AbortController();
  const startedMs = performance.now();
  const probing = probeLag(writer, stop.signal);
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += EVENTS_A_TRANSACTION;
      const batch = Array.from({ length: Math.min(EVENTS_A_TRANSACTION, events - first) }, (_, n) => event(first + n));
      await writer.hotTransaction((sql) => appendAuditEvents(sql, batch, new Date()));
      if (first % 100_000 === 0 && first > 0) say(`${first} written`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  while ((await size(owner)) < before + events) await delay(50);
  const seconds = (performance.now() - startedMs) / 1000;
  stop.abort();
  const lags = await probing;
  return {
    appendedPerSec: Math.round(events / seconds),
    checkpointLagMs: Math.round(quantile(lags, 0.5)),
    checkpointLagMsP99: Math.round(quantile(lags, 0.99)),
  };
}

async function size(sql: Database): Promise<number> {
  const [row] = await sql.query<{ size: bigint }>(
    'SELECT coalesce(max(size), 0)::bigint AS size FROM audit_checkpoints',
  );
  return Number(row?.size ?? 0);
}

/** Events of the bench's own, each followed until it has its place. */
async function probeLag(sql: Database, signal: AbortSignal): Promise<number[]> {
  const lags: number[] = [];
  while (!signal.aborted) {
    await appendAuditEvents(sql, [{ ...event(0), action: 'bench.probed' }], new Date());
    const [row] = await sql.query<{ sequence: bigint }>('SELECT max(sequence) AS sequence FROM audit_events');
    const committedMs = performance.now();
    while (!(await placed(sql, row?.sequence ?? 0n))) await delay(20);
    lags.push(performance.now() - committedMs);
    await delay(PROBE_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return lags;
}

async function placed(sql: Database, sequence: bigint): Promise<boolean> {
  const rows = await sql.query('SELECT 1 FROM audit_leaves WHERE event_sequence = $1', [sequence]);
  return rows.length > 0;
}

async function verify(
  farm: BenchFarm,
  folder: string,
): Promise<Pick<AuditReport, 'verifiedPerSec' | 'verifyRssMiB' | 'exportMiB'>> {
  const path = join(folder, 'export.ndjson');
  const baseUrl = `http://${farm.address.host}:${farm.address.port}`;
  const client = createNodeClient({ baseUrl, token: farm.userToken });
  const { bytes } = await client.downloadContent(CONTENT_ROUTES.auditExport, path);
  client.close();
  const startedMs = performance.now();
  const options = ['audit', 'verify', path, '--checkpoint', join(folder, 'anchor'), '--json'];
  const child = spawn(process.execPath, [CLI_ENTRY, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let most = 0;
  const watch = setInterval(() => {
    void rssMiB(child.pid ?? 0).then((now) => (most = Math.max(most, now)));
  }, 100);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const output = await text(child.stdout);
  await ended;
  clearInterval(watch);
  const seconds = (performance.now() - startedMs) / 1000;
  const found = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { size?: number; ok?: boolean };
  const rows = found.size ?? 0;
  return { verifiedPerSec: Math.round(rows / seconds), verifyRssMiB: most, exportMiB: Math.round(bytes / 1024 ** 2) };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
