import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import { bootstrapFarm, type BootstrappedFarm } from '@understudy/db';
import { checkFfmpeg } from '@understudy/media';
import { z } from 'zod';
import { type Config, ROOT_DIR } from '../config.js';
import { writeWhole } from '../output/write-whole.js';
import { type FarmDatabase, openFarmDatabase } from './database.js';
import { type KeptService, keepService } from './kept-service.js';
import { COORDINATOR, WORKER_ENTRY } from './local-farm.js';
import { lockFolder } from './lock-folder.js';

const Secrets = z.object({
  ownerPassword: z.string(),
  runtimePassword: z.string(),
  secretKey: z.string(),
  /** The coordinator's KEY_ENCRYPTION_KEYS, where the operator has given it a new one. */
  keyEncryptionKeys: z.array(z.string()).optional(),
  adminMade: z.boolean(),
  /** The address of the second org admin, once there is one. */
  secondAdmin: z.string().optional(),
});
type Secrets = z.infer<typeof Secrets>;

export const ACCOUNTS = ['strict', 'simple'] as const;
export type Accounts = (typeof ACCOUNTS)[number];

export interface LastingFarmOptions {
  readonly config: Config;
  readonly host: string;
  readonly port: number;
  readonly lanes: number;
  readonly adminEmail: string;
  readonly accounts: Accounts;
  readonly secondAdminEmail?: string;
  readonly onStep: (step: string) => void;
}

export interface LastingFarm {
  readonly baseUrl: string;
  /** Shown once, when the first account was made. */
  readonly adminPassword: string | null;
  /** Shown once, when it was made. */
  readonly secondAdmin: { readonly email: string; readonly password: string } | null;
  readonly workerToken: string;
  /** Rejects when the database has ended. */
  readonly broken: Promise<never>;
  stop(): Promise<void>;
}

/** A farm that keeps its projects: cluster, objects and secrets stay in the home folder between starts. */
export async function startLastingFarm(options: LastingFarmOptions): Promise<LastingFarm> {
  const { config } = options;
  await checkFfmpeg();
  const dir = join(config.homeDir, 'farm');
  await mkdir(dir, { recursive: true, mode: 0o711 });
  const started: { stop(): Promise<void> }[] = [await lockFolder(dir)];
  const stop = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    const secrets = await readSecrets(dir);
    options.onStep('starting Postgres');
    const database = await openFarmDatabase({ dir, databaseUrl: config.databaseUrl, ...secrets });
    started.push(database);
    const { farm, adminPassword, secondAdmin } = await makeAccounts(dir, database, secrets, options);
    options.onStep('starting the coordinator');
    const coordinator = await startCoordinator(dir, database, secrets, options);
    started.push(coordinator);
    const baseUrl = `http://${options.host}:${options.port}`;
    if (options.lanes > 0) {
      options.onStep(`starting ${options.lanes} ${options.lanes === 1 ? 'lane' : 'lanes'}`);
      started.push(await startWorker(dir, baseUrl, farm.workerToken, options));
    }
    const broken = database.ended.then(() => Promise.reject(new Error('Postgres has ended')));
    broken.catch(() => undefined);
    return { baseUrl, adminPassword, secondAdmin, workerToken: farm.workerToken, broken, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function readSecrets(dir: string): Promise<Secrets> {
  const text = await readFile(join(dir, 'secrets.json'), 'utf8').catch(() => null);
  if (text !== null) return Secrets.parse(JSON.parse(text));
  const secrets: Secrets = {
    ownerPassword: randomBytes(24).toString('base64url'),
    runtimePassword: randomBytes(24).toString('base64url'),
    secretKey: randomBytes(32).toString('hex'),
    adminMade: false,
  };
  await saveSecrets(dir, secrets);
  return secrets;
}

async function saveSecrets(dir: string, secrets: Secrets): Promise<void> {
  await writeWhole(join(dir, 'secrets.json'), `${JSON.stringify(secrets, null, 2)}\n`, 0o600);
}

async function makeAccounts(
  dir: string,
  database: FarmDatabase,
  secrets: Secrets,
  { adminEmail, secondAdminEmail, accounts }: LastingFarmOptions,
): Promise<{ farm: BootstrappedFarm } & Pick<LastingFarm, 'adminPassword' | 'secondAdmin'>> {
  const adminPassword = secrets.adminMade ? null : randomBytes(12).toString('base64url');
  const isNew = secondAdminEmail !== undefined && secrets.secondAdmin === undefined;
  const secondAdmin = isNew ? { email: secondAdminEmail, password: randomBytes(12).toString('base64url') } : null;
  const farm = await bootstrapFarm(database.ownerUrl, {
    secretKey: secrets.secretKey,
    accounts,
    user: {
      name: 'admin',
      email: adminEmail,
      farmRoles: ['org_admin', 'farm_operator'],
      ...(adminPassword === null ? {} : { passwordHash: await hash(adminPassword) }),
    },
    ...(secondAdmin === null
      ? {}
      : {
          second: { name: 'second admin', email: secondAdmin.email, passwordHash: await hash(secondAdmin.password) },
        }),
    worker: { name: 'first' },
    validDays: 365,
  });
  if (adminPassword !== null || secondAdmin !== null) {
    await saveSecrets(dir, {
      ...secrets,
      adminMade: true,
      ...(secondAdmin === null ? {} : { secondAdmin: secondAdmin.email }),
    });
  }
  return { farm, adminPassword, secondAdmin };
}

async function startCoordinator(
  dir: string,
  database: FarmDatabase,
  secrets: Secrets,
  options: LastingFarmOptions,
): Promise<KeptService> {
  const dataDir = join(dir, 'store');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return keepService({
    name: 'coordinator',
    ...COORDINATOR,
    environment: {
      HOST: options.host,
      PORT: String(options.port),
      DATABASE_URL: database.runtimeUrl,
      DATA_DIR: dataDir,
      SECRET_KEY: secrets.secretKey,
      ...(secrets.keyEncryptionKeys === undefined ? {} : { KEY_ENCRYPTION_KEYS: secrets.keyEncryptionKeys.join(',') }),
      CONSOLE_DIR: join(ROOT_DIR, 'apps/admin/dist'),
      // A lasting farm has no self-attested projects.
      ALLOW_LOCAL_PROFILE: 'false',
      ACCOUNTS: options.accounts,
      ...options.config.toldOutside,
      ...options.config.signInProvider,
      ...(options.config.queueUrl === undefined ? {} : { QUEUE_URL: options.config.queueUrl }),
    },
    logPath: join(dir, 'coordinator.log'),
    isReady: (entry) => entry['msg'] === 'listening',
    readyTimeoutMs: 60_000,
  });
}

async function startWorker(
  dir: string,
  baseUrl: string,
  token: string,
  options: LastingFarmOptions,
): Promise<KeptService> {
  const scratchDir = join(dir, 'scratch');
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  return keepService({
    name: 'worker',
    entry: WORKER_ENTRY,
    environment: {
      COORDINATOR_URL: baseUrl,
      WORKER_TOKEN: token,
      LANES: String(options.lanes),
      THREADS: String(Math.max(1, Math.floor(options.config.cores / options.lanes))),
      SCRATCH_DIR: scratchDir,
      DATA_DIR: options.config.homeDir,
    },
    logPath: join(dir, 'worker.log'),
    isReady: (entry) => entry['msg'] === 'lanes ready',
    readyTimeoutMs: 120_000,
  });
}
