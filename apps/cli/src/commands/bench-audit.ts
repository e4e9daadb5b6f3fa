import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createNodeClient } from '@understudy/client/node';
import { CONTENT_ROUTES } from '@understudy/contracts';
import { openDatabase } from '@understudy/db';
import { type Command, InvalidArgumentError } from 'commander';
import { readConfig, ROOT_DIR } from '../config.js';
import { type AppendRate, appendEvents, EVENTS_A_TRANSACTION, WRITERS } from './bench/audit-appends.js';
import { ClaimingLanes, type ClaimPrice, priceOfEvent } from './bench/audit-claims.js';
import { BenchFarm } from './bench/bench-farm.js';
import { rssMiB } from './bench/process-usage.js';

const CLI_ENTRY = join(ROOT_DIR, 'apps/cli/dist/main.js');

export interface AuditReport extends ClaimPrice, AppendRate {
  /** Half of them written with nothing beside, half while lanes claim. */
  readonly events: number;
  readonly besideClaims: AppendRate & { readonly claimsPerSec: number };
  /** By `audit verify` in a process of its own, against the anchor folder. */
  readonly verifiedPerSec: number;
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
    await farm.startCoordinators(1, { LEASE_SECONDS: '3600', AUDIT_ANCHOR_DIR: join(folder, 'anchor') });
    say('what a claim pays');
    const claim = await priceOfEvent(farm, writer);
    const half = Math.ceil(events / 2);
    say(`writing ${half} events`);
    const alone = await appendEvents(farm.owner, writer, half, say);
    say(`writing ${events - half} events while lanes claim`);
    const lanes = await ClaimingLanes.start(farm);
    const beside = await appendEvents(farm.owner, writer, events - half, say);
    const besideClaims = { ...beside, claimsPerSec: await lanes.stop() };
    say('taking the log out and verifying it');
    const verified = await verify(farm, folder);
    return { events, ...alone, besideClaims, ...verified, ...claim, eventsPerTransaction: EVENTS_A_TRANSACTION };
  } finally {
    await writer.close();
    await farm.stop();
    await rm(folder, { recursive: true, force: true });
  }
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
