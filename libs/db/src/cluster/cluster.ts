import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chown, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UnderstudyError } from '@understudy/contracts';
import pg from 'pg';
import { type ClusterAccount, clusterAccount, clusterBinaries } from './binaries.js';

const START_TIMEOUT_MS = 30_000;
/** Whatever the host is set to, the cluster is made and run alike; only `setpriv` is looked up, which Debian has in one place. */
const SERVER_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
export const CLUSTER_OWNER = 'understudy_owner';

export interface ClusterOptions {
  /** The cluster's folder; made when absent. Every folder above it must let the account through when running as root. */
  readonly dataDir: string;
  /** A free one is chosen when absent. */
  readonly port?: number;
  /** The owner's password. It is set when the cluster is made and must be the same ever after. */
  readonly password: string;
  /** Postgres settings, `name=value`. */
  readonly settings?: readonly string[];
  /** False gives up durability against power loss, not against kill -9; for tests. */
  readonly durable?: boolean;
}

export interface Cluster {
  readonly port: number;
  readonly pid: number;
  /** Connection string of the owner, a superuser. */
  url(database?: string): string;
  /** Resolves when the server has ended, by whatever cause. */
  readonly ended: Promise<void>;
  /** Fast shutdown: connections are cut, everything committed is on disk. */
  stop(): Promise<void>;
}

/**
 * Starts an embedded Postgres, making its cluster on first use. It ends with this process, also when that is killed.
 *
 * @throws UnderstudyError DATABASE_UNAVAILABLE with the tail of its log when it does not come up; PORT_BUSY.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const account = await clusterAccount();
  const binaries = await clusterBinaries(account);
  if (!(await hasCluster(options.dataDir))) await makeCluster(binaries, options, account);
  const port = options.port ?? (await freePort());
  const log = await open(join(dirname(options.dataDir), 'postgres.log'), 'a');
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    ...durability(options),
    ...(options.settings ?? []),
  ];
  const server = spawn(
    'setpriv',
    [
      ...identity(account),
      // Ends with us: SIGINT is Postgres' fast shutdown.
      '--pdeathsig',
      'INT',
      '--',
      join(binaries, 'bin/postgres'),
      '-D',
      options.dataDir,
      '-p',
      String(port),
      ...settings.flatMap((setting) => ['-c', setting]),
    ],
    { stdio: ['ignore', log.fd, log.fd], env: SERVER_ENVIRONMENT, cwd: '/' },
  );
  const ended = exited(server);
  await log.close();
  const url = (database = 'postgres'): string =>
    `postgresql://${CLUSTER_OWNER}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/${database}`;
  await ready(url(), ended, join(dirname(options.dataDir), 'postgres.log'));
  return {
    port,
    pid: server.pid ?? Number.NaN,
    url,
    ended,
    stop: async () => {
      server.kill('SIGINT');
      await ended;
    },
  };
}

function identity(account: ClusterAccount | null): string[] {
  return account === null ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
}

function durability(options: ClusterOptions): string[] {
  return options.durable === false ? ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'] : [];
}

async function hasCluster(dataDir: string): Promise<boolean> {
  return access(join(dataDir, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

async function makeCluster(binaries: string, options: ClusterOptions, account: ClusterAccount | null): Promise<void> {
  const { dataDir } = options;
  await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const passwordFile = `${dataDir}.password`;
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (account !== null) {
    await chown(dataDir, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  try {
    const initdb = spawn(
      'setpriv',
      [
        ...identity(account),
        '--',
        join(binaries, 'bin/initdb'),
        `--pgdata=${dataDir}`,
        '--auth=scram-sha-256',
        `--username=${CLUSTER_OWNER}`,
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale=C.UTF-8',
        '--no-sync',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: SERVER_ENVIRONMENT, cwd: '/' },
    );
    let complaint = '';
    initdb.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
    const [code] = (await once(initdb, 'close')) as [number | null];
    if (code !== 0) {
      await rm(dataDir, { recursive: true, force: true });
      throw new UnderstudyError(
        'DATABASE_UNAVAILABLE',
        `the embedded Postgres could not make its cluster: ${lastLine(complaint)}`,
      );
    }
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function ready(url: string, ended: Promise<void>, logPath: string): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  while (!over && Date.now() < giveUpAt) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
    // A server that is starting cuts connections after they are made.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return;
    } catch {
      await delay(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  const log = await readFile(logPath, 'utf8').catch(() => '');
  const busy = log.includes('Address already in use');
  throw new UnderstudyError(
    busy ? 'PORT_BUSY' : 'DATABASE_UNAVAILABLE',
    busy
      ? 'the port of the embedded Postgres is in use; choose another or leave it out'
      : `the embedded Postgres did not start: ${lastLine(log)}`,
  );
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new UnderstudyError('INTERNAL', 'no free port was found');
  return address.port;
}
