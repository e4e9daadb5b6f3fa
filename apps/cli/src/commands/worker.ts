import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { checkFfmpeg } from '@understudy/media';
import type { Command } from 'commander';
import { type Config, readConfig } from '../config.js';
import { WORKER_ENTRY } from '../farm/local-farm.js';
import { wholeNumber } from '../terminal/whole-number.js';

interface WorkerOptions {
  server: string;
  token: string;
  lanes: number;
  scratch?: string;
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description("join a farm with this host's lanes; SIGTERM drains, a second one ends at once")
    .requiredOption('--server <url>', "the coordinator's address")
    .requiredOption('--token <secret>', "this worker's token")
    .option('--lanes <n>', 'lane processes on this host', wholeNumber, 1)
    .option('--scratch <dir>', 'where shards are worked on; wiped at start and end')
    .action(async (options: WorkerOptions) => runWorker(options, readConfig()));
}

async function runWorker(options: WorkerOptions, config: Config): Promise<void> {
  await checkFfmpeg();
  const scratchDir = resolve(options.scratch ?? join(config.homeDir, 'worker-scratch'));
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  const child = spawn(process.execPath, ['--enable-source-maps', WORKER_ENTRY], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      COORDINATOR_URL: options.server,
      WORKER_TOKEN: options.token,
      LANES: String(options.lanes),
      THREADS: String(Math.max(1, Math.floor(config.cores / options.lanes))),
      SCRATCH_DIR: scratchDir,
      DATA_DIR: config.homeDir,
    },
  });
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => child.kill('SIGTERM'));
  const code = await new Promise<number | null>((done) => child.once('close', (status) => done(status)));
  if (code === null) throw new UnderstudyError('WORKER_LOST', 'the worker was killed');
  process.exitCode = code;
}
