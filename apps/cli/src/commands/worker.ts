import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { checkFfmpeg } from '@understudy/media';
import { type Command, Option } from 'commander';
import { childEnvironment, type Config, readConfig } from '../config.js';
import { WORKER_ENTRY } from '../farm/local-farm.js';
import { wholeNumber } from '../terminal/whole-number.js';

interface WorkerOptions {
  server: string;
  token: string;
  lanes: number;
  provider: string;
  precision: string;
  scratch?: string;
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description("join a farm with this host's lanes; SIGTERM drains, a second one ends at once")
    .requiredOption('--server <url>', "the coordinator's address")
    .requiredOption('--token <secret>', "this worker's token")
    .option('--lanes <n>', 'lane processes on this host', wholeNumber, 1)
    .addOption(
      new Option('--provider <name>', 'what runs the models; auto: the fastest that passes a self-test here')
        .choices(['auto', 'cpu', 'cuda', 'tensorrt', 'webgpu'])
        .default('auto'),
    )
    .addOption(
      new Option('--precision <kind>', 'of that provider; auto chooses its own')
        .choices(['fp32', 'fp16'])
        .default('fp32'),
    )
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
      ...childEnvironment(),
      COORDINATOR_URL: options.server,
      WORKER_TOKEN: options.token,
      LANES: String(options.lanes),
      PROVIDER: options.provider,
      PRECISION: options.precision,
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
