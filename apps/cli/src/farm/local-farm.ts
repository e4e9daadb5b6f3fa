import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createNodeClient, type NodeClient } from '@understudy/client/node';
import { type ErrorCode, UnderstudyError } from '@understudy/contracts';
import { bootstrapFarm } from '@understudy/db';
import { checkFfmpeg } from '@understudy/media';
import { type Config, ROOT_DIR } from '../config.js';
import { type FarmDatabase, openFarmDatabase } from './database.js';
import { createRunFolder, keepRun, type RunFolder } from './run-folder.js';
import { launchService, type Service, startService, type StartingService } from './service.js';

export interface LocalFarmOptions {
  readonly config: Config;
  readonly lanes: number;
  readonly signal: AbortSignal;
  readonly onStep: (step: string) => void;
  /** Keeps the run's logs and objects there, after everything has stopped. */
  readonly keepDir?: string | undefined;
  /** argon2id of a password with which the operator may sign in at the console; without it only the token works. */
  readonly operatorPasswordHash?: string;
}

export const OPERATOR_EMAIL = 'operator@localhost.localdomain';

/** A whole farm for one command: database, coordinator and lanes as processes of their own, on free loopback ports. */
export interface LocalFarm {
  readonly client: NodeClient;
  readonly baseUrl: string;
  readonly token: string;
  readonly dir: string;
  /** Process ids by name, for the report and for tests that end one of them. */
  readonly processes: Readonly<Record<string, number>>;
  /** Rejects when one of the processes ends before `stop`. */
  readonly broken: Promise<never>;
  stop(): Promise<void>;
}

export const COORDINATOR = {
  entry: join(ROOT_DIR, 'apps/coordinator/dist/main.js'),
  // A collection marks with all of V8's threads at once: on a host that shares its cores with Postgres, claims then wait for a second.
  nodeOptions: ['--v8-pool-size=1'],
};
export const WORKER_ENTRY = join(ROOT_DIR, 'apps/worker/dist/main.js');

/** @throws UnderstudyError of whatever did not start; everything started before it is stopped again. */
export async function startLocalFarm(options: LocalFarmOptions): Promise<LocalFarm> {
  const { config, signal } = options;
  // The lanes would find it out too, but only after everything else has been started.
  await checkFfmpeg();
  const folder = await createRunFolder(config.homeDir);
  const started: { stop(): Promise<void> }[] = [folderStop(folder, options)];
  const stop = async (): Promise<void> => {
    // Last started, first stopped.
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    options.onStep('starting Postgres');
    const database = await openFarmDatabase({
      dir: folder.dir,
      databaseUrl: config.databaseUrl,
      ownerPassword: randomBytes(24).toString('base64url'),
      runtimePassword: randomBytes(24).toString('base64url'),
    });
    started.push(database);
    signal.throwIfAborted();
    const secretKey = randomBytes(32).toString('hex');
    const people = await bootstrapFarm(database.ownerUrl, {
      secretKey,
      accounts: 'simple',
      user: {
        name: 'operator',
        email: OPERATOR_EMAIL,
        farmRoles: ['org_admin', 'farm_operator'],
        ...(options.operatorPasswordHash === undefined ? {} : { passwordHash: options.operatorPasswordHash }),
      },
      worker: { name: 'local' },
      validDays: 2,
    });
    options.onStep('starting the coordinator');
    const coordinator = await startCoordinator(folder, database, config, secretKey);
    started.push(coordinator);
    signal.throwIfAborted();
    const baseUrl = `http://127.0.0.1:${String(coordinator.readyEntry['port'])}`;
    options.onStep(`starting ${options.lanes} ${options.lanes === 1 ? 'lane' : 'lanes'}`);
    // Its lanes load their models while files go up.
    const worker = await launchWorker(folder, baseUrl, people.workerToken, options);
    started.push(worker);
    return {
      client: createNodeClient({ baseUrl, token: people.userToken }),
      baseUrl,
      token: people.userToken,
      dir: folder.dir,
      processes: { coordinator: coordinator.pid, worker: worker.pid },
      broken: whenBroken(coordinator, worker, database),
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function folderStop(folder: RunFolder, { keepDir }: LocalFarmOptions): { stop(): Promise<void> } {
  return {
    stop: async () => {
      if (keepDir !== undefined) await keepRun(folder.dir, keepDir);
      await folder.remove();
    },
  };
}

async function startCoordinator(
  folder: RunFolder,
  database: FarmDatabase,
  config: Config,
  secretKey: string,
): Promise<Service> {
  const dataDir = join(folder.dir, 'store');
  await mkdir(dataDir, { mode: 0o700 });
  return startService({
    name: 'coordinator',
    ...COORDINATOR,
    environment: {
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: database.runtimeUrl,
      DATA_DIR: dataDir,
      SECRET_KEY: secretKey,
      CONSOLE_DIR: join(ROOT_DIR, 'apps/admin/dist'),
      ALLOW_LOCAL_PROFILE: 'true',
      // One person at their own machine; nobody else is let in.
      ACCOUNTS: 'simple',
      ...(config.queueUrl === undefined ? {} : { QUEUE_URL: config.queueUrl }),
    },
    logPath: join(folder.dir, 'coordinator.log'),
    isReady: (entry) => entry['msg'] === 'listening' && typeof entry['port'] === 'number',
    readyTimeoutMs: 60_000,
  });
}

async function launchWorker(
  folder: RunFolder,
  baseUrl: string,
  token: string,
  options: LocalFarmOptions,
): Promise<StartingService> {
  const { config, lanes } = options;
  const scratchDir = join(folder.dir, 'scratch');
  await mkdir(scratchDir, { mode: 0o700 });
  return launchService({
    name: 'worker',
    entry: WORKER_ENTRY,
    environment: {
      COORDINATOR_URL: baseUrl,
      WORKER_TOKEN: token,
      LANES: String(lanes),
      THREADS: String(Math.max(1, Math.floor(config.cores / lanes))),
      SCRATCH_DIR: scratchDir,
      DATA_DIR: config.homeDir,
    },
    logPath: join(folder.dir, 'worker.log'),
    isReady: (entry) => entry['msg'] === 'lanes ready',
    readyTimeoutMs: 120_000,
  });
}

/** Postgres may restart under a coordinator that rides it out; here nobody would restart it, so its end is the farm's. */
function whenBroken(coordinator: Service, worker: StartingService, database: FarmDatabase): Promise<never> {
  const broken = new Promise<never>((_, reject) => {
    void database.ended.then(() =>
      reject(
        new UnderstudyError(
          'DATABASE_UNAVAILABLE',
          'Postgres has ended in the middle of the run; start the command again',
        ),
      ),
    );
    void coordinator.ended.then((code) => reject(lost(coordinator, 'COORDINATOR_UNREACHABLE', code)));
    // A worker that never got ready has said why.
    void worker.ended.then((code) => worker.ready.then(() => reject(lost(worker, 'WORKER_LOST', code)), reject));
  });
  // Every farm ends; whoever does not care is not to be bothered by it.
  broken.catch(() => undefined);
  return broken;
}

function lost({ name }: Pick<Service, 'name'>, code: ErrorCode, exitCode: number | null): UnderstudyError {
  const how = exitCode === null ? 'killed' : `exit code ${exitCode}`;
  return new UnderstudyError(code, `the ${name} has ended in the middle of the run (${how}); start the command again`);
}
