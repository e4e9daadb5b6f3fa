import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, readConfig } from '../config.js';
import { type Accounts, ACCOUNTS, startLastingFarm } from '../farm/lasting-farm.js';
import { interruptSignal } from '../terminal/interrupt.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

interface UpOptions {
  host: string;
  port: number;
  lanes: number;
  adminEmail: string;
  accounts?: Accounts;
  secondAdminEmail?: string;
}

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('start a lasting farm with its console; it keeps its projects between starts and runs until Ctrl-C')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on', portNumber, 8080)
    .option('--lanes <n>', 'lanes on this host; 0 leaves the work to others', count, 1)
    .option('--admin-email <address>', 'sign-in name of the first account', 'admin@localhost.localdomain')
    .option('--second-admin-email <address>', 'makes a second org admin: on a strict farm two of them give roles')
    .addOption(
      new Option(
        '--accounts <rule>',
        'strict: what releases or grants asks for a second factor, and roles for it for two org admins; by default where others than this host can reach the farm',
      ).choices(ACCOUNTS),
    )
    .action(async (options: UpOptions) => up(options, readConfig()));
}

async function up(options: UpOptions, config: Config): Promise<void> {
  const signal = interruptSignal();
  const accounts = options.accounts ?? (LOOPBACK.has(options.host) ? 'simple' : 'strict');
  const farm = await startLastingFarm({
    config,
    ...options,
    accounts,
    onStep: (step) => process.stderr.write(`${step}\n`),
  });
  try {
    console.log(`console: ${farm.baseUrl}`);
    if (farm.adminPassword !== null)
      console.log(`sign in as ${options.adminEmail} with ${farm.adminPassword} (shown once)`);
    if (farm.secondAdmin !== null)
      console.log(
        `the second admin signs in as ${farm.secondAdmin.email} with ${farm.secondAdmin.password} (shown once)`,
      );
    console.log(`workers join with: understudy worker --server ${farm.baseUrl} --token ${farm.workerToken}`);
    await Promise.race([untilAborted(signal), farm.broken]);
  } finally {
    await farm.stop();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function portNumber(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('a port from 1 to 65535 is needed');
  return port;
}

function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > 64)
    throw new InvalidArgumentError('a number from 0 to 64 is needed');
  return number;
}
