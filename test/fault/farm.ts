import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createNodeClient, type NodeClient } from '@understudy/client/node';
import { bootstrapFarm, type Cluster, ensureRuntimeRole, freePort, migrate, startCluster } from '@understudy/db';
import { migrateQueue } from '@understudy/queue';
import { COORDINATOR, WORKER_ENTRY } from '../../apps/cli/src/farm/local-farm.js';
import { launchService, type Service, startService, type StartingService } from '../../apps/cli/src/farm/service.js';
import { Ledger } from './ledger.js';
import { Relay } from './relay.js';

export const LEASE_SECONDS = 3;
const LANES = 2;
const HOUR_MS = 3_600_000;
/** Room of the store's and the scratch folder's file systems. */
const DISK_MIB = 256;

export type CoordinatorName = 'a' | 'b';
export type Disk = 'store' | 'scratch';

/** What is wrong with a process's host, or with what it is given to do. */
export interface Ailment {
  /** Its clock is ahead by so many hours. */
  readonly clockAheadH?: number;
  /** This frame of the plate crashes whoever renders it. */
  readonly poisonFrame?: number;
}

/**
 * A farm of real processes whose parts can be ended and started again one by one. Worker and people reach its coordinators
 * by a relay each.
 */
export class FaultFarm {
  readonly ledger: Ledger;
  readonly client: NodeClient;
  readonly scratchDir: string;
  cluster: Cluster;
  worker: StartingService | undefined;
  readonly #coordinators = new Map<CoordinatorName, Service>();

  private constructor(
    readonly dir: string,
    readonly homeDir: string,
    private readonly secrets: { owner: string; runtimeUrl: string; key: string; workerToken: string },
    cluster: Cluster,
    private readonly ports: Readonly<Record<CoordinatorName, number>>,
    readonly relay: Relay,
    private readonly front: Relay,
    userToken: string,
    private readonly disks: readonly string[],
    private readonly settings: Readonly<Record<string, string>>,
  ) {
    this.cluster = cluster;
    this.scratchDir = join(dir, 'scratch');
    this.ledger = new Ledger(cluster.url());
    this.client = createNodeClient({ baseUrl: `http://127.0.0.1:${front.port}`, token: userToken });
  }

  /**
   * @param homeDir holds the model packs
   * @param settings of the coordinator, instead of the short times that faults are seen soon by
   */
  static async start(homeDir: string, settings: Readonly<Record<string, string>> = {}): Promise<FaultFarm> {
    const dir = await mkdtemp(join(tmpdir(), 'understudy-fault-'));
    // The database's account must get through.
    await chmod(dir, 0o711);
    for (const name of ['store', 'scratch']) await mkdir(join(dir, name), { mode: 0o700 });
    const disks = ['store', 'scratch'].map((name) => join(dir, name)).filter(mountSmallDisk);
    const owner = randomBytes(24).toString('base64url');
    const cluster = await startCluster({ dataDir: join(dir, 'cluster'), password: owner });
    await migrate(cluster.url());
    await migrateQueue(cluster.url());
    const runtimeUrl = await ensureRuntimeRole(cluster.url(), { password: randomBytes(24).toString('base64url') });
    const people = await bootstrapFarm(cluster.url(), {
      accounts: 'simple',
      user: { name: 'operator', email: 'operator@localhost.localdomain', farmRoles: ['org_admin', 'farm_operator'] },
      worker: { name: 'local' },
    });
    const ports = { a: await freePort(), b: await freePort() };
    const secrets = { owner, runtimeUrl, key: randomBytes(32).toString('hex'), workerToken: people.workerToken };
    const living = (): number[] => farm.living.map((name) => ports[name]);
    const [relay, front] = [await Relay.open(living), await Relay.open(living)];
    const farm = new FaultFarm(dir, homeDir, secrets, cluster, ports, relay, front, people.userToken, disks, settings);
    await farm.startCoordinator('a');
    await farm.startWorker();
    return farm;
  }

  /** Coordinators that run, as far as they were not killed. */
  get living(): CoordinatorName[] {
    return [...this.#coordinators.keys()];
  }

  /** Of a coordinator that runs. */
  get port(): number {
    return this.ports[this.living[0] ?? 'a'];
  }

  /** Whether disks can be filled here; only root can make small ones. */
  get hasSmallDisks(): boolean {
    return this.disks.length === 2;
  }

  async startCoordinator(name: CoordinatorName, { clockAheadH = 0 }: Ailment = {}): Promise<void> {
    const databaseUrl = new URL(this.secrets.runtimeUrl);
    databaseUrl.searchParams.set('application_name', name);
    const coordinator = await startService({
      name: `coordinator ${name}`,
      ...COORDINATOR,
      environment: {
        HOST: '127.0.0.1',
        PORT: String(this.ports[name]),
        DATABASE_URL: databaseUrl.toString(),
        DATA_DIR: join(this.dir, 'store'),
        SECRET_KEY: this.secrets.key,
        ALLOW_LOCAL_PROFILE: 'true',
        ACCOUNTS: 'simple',
        LEASE_SECONDS: String(LEASE_SECONDS),
        HEARTBEAT_SECONDS: '0.2',
        SWEEP_SECONDS: '0.5',
        RETRY_PAUSE_SECONDS: '1',
        HOST_PAUSE_SECONDS: '2',
        ...preloads({ clockAheadH }),
        ...this.settings,
      },
      logPath: join(this.dir, `coordinator-${name}.log`),
      isReady: (entry) => entry['msg'] === 'listening',
      readyTimeoutMs: 60_000,
    });
    this.#coordinators.set(name, coordinator);
  }

  /** Sees to it that just these run. */
  async keepCoordinators(...names: CoordinatorName[]): Promise<void> {
    for (const name of names) if (!this.#coordinators.has(name)) await this.startCoordinator(name);
    for (const name of this.living) if (!names.includes(name)) await this.stopCoordinator(name);
  }

  async startWorker(ailment: Ailment = {}): Promise<void> {
    this.worker = launchService({
      name: 'worker',
      entry: WORKER_ENTRY,
      environment: {
        COORDINATOR_URL: `http://127.0.0.1:${this.relay.port}`,
        WORKER_TOKEN: this.secrets.workerToken,
        LANES: String(LANES),
        THREADS: String(Math.max(1, Math.floor(cpus().length / LANES))),
        SCRATCH_DIR: this.scratchDir,
        DATA_DIR: this.homeDir,
        ...preloads(ailment),
      },
      logPath: join(this.dir, 'worker.log'),
      isReady: (entry) => entry['msg'] === 'lanes ready',
      readyTimeoutMs: 120_000,
    });
    await this.worker.ready;
  }

  /** In good order, then anew; a scratch folder starts empty. */
  async restartWorker(ailment: Ailment = {}): Promise<void> {
    await this.worker?.stop();
    await this.startWorker(ailment);
  }

  async killCoordinator(name: CoordinatorName): Promise<void> {
    const { pid, ended } = this.#coordinators.get(name)!;
    this.#coordinators.delete(name);
    process.kill(pid, 'SIGKILL');
    await ended;
  }

  async stopCoordinator(name: CoordinatorName): Promise<void> {
    const coordinator = this.#coordinators.get(name);
    this.#coordinators.delete(name);
    await coordinator?.stop();
  }

  async killWorker(): Promise<void> {
    const { pid, ended } = this.worker!;
    process.kill(pid, 'SIGKILL');
    await ended;
  }

  /** Nothing more fits on this disk, until {@link freeDisk}. */
  async fillDisk(disk: Disk): Promise<void> {
    const folder = join(this.dir, disk);
    const file = await open(join(folder, BALLAST), 'a');
    try {
      for (;;) await file.write(Buffer.alloc(1 << 16));
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC')) throw thrown;
    } finally {
      await file.close();
    }
  }

  async freeDisk(disk: Disk): Promise<void> {
    await rm(join(this.dir, disk, BALLAST), { force: true });
  }

  /** Postgres' immediate stop: no checkpoint, connections cut; recovers from its log at the next start. */
  async stopPostgres(): Promise<void> {
    process.kill(this.cluster.pid, 'SIGQUIT');
    await this.cluster.ended;
  }

  async startPostgres(): Promise<void> {
    const { port } = this.cluster;
    this.cluster = await startCluster({ dataDir: join(this.dir, 'cluster'), password: this.secrets.owner, port });
  }

  /** The process of a lane, as the supervisor told it last. */
  async lanePid(ordinal: number): Promise<number> {
    const lines = (await readFile(join(this.dir, 'worker.log'), 'utf8')).trim().split('\n');
    const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LaneStarted);
    const started = entries.findLast((entry) => entry.msg === 'lane started' && entry.lane === ordinal);
    if (started === undefined) throw new Error(`lane ${ordinal} was never started`);
    return started.pid;
  }

  /** Programs that a lane decodes and encodes with. */
  async toolsOf(ordinal: number): Promise<number[]> {
    const lane = String(await this.lanePid(ordinal));
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const stats = await Promise.all(
      pids.map(async (pid) => ({ pid, stat: await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '') })),
    );
    // `pid (name) state parent …`
    const ofLane = stats.filter(({ stat }) => / \(ffmpeg\) \S+ (\d+) /.exec(stat)?.[1] === lane);
    return ofLane.map(({ pid }) => Number(pid));
  }

  /** Files of attempts on the worker's disk; on the coordinator's, uploads that came to nothing and objects without a row. */
  async leftovers(): Promise<string[]> {
    const store = join(this.dir, 'store');
    const lanes = (await listed(this.scratchDir)).filter((path) => /^lane-\d+\/./.test(path));
    const partial = await listed(join(store, 'partial'));
    const uploads = await this.ledger.notOfUse(UPLOADS_OF_USE, await listed(join(store, 'uploads')), /\.done$/);
    const files = (await listed(join(store, 'objects'))).map((path) => basename(path));
    const objects = await this.ledger.notOfUse(
      OBJECTS_OF_USE,
      files.filter((name) => name.length === 64),
    );
    return [...lanes, ...partial, ...uploads, ...objects, ...(await this.plainCopies())];
  }

  /** What coordinators, living or killed, have of plates and segments in the clear. */
  async plainCopies(): Promise<string[]> {
    const files = await listed(join(this.dir, 'store', 'scratch'));
    return files.filter((path) => path.includes('/') && basename(path) !== 'alive');
  }

  /** Ends the worker in good order and says what it left in its scratch folder. */
  async endWorker(): Promise<string[]> {
    await this.worker?.stop();
    return await listed(this.scratchDir);
  }

  async stop(): Promise<void> {
    await this.worker?.stop();
    await this.keepCoordinators();
    await this.relay.close();
    await this.front.close();
    this.client.close();
    await this.ledger.close();
    await this.cluster.stop();
    for (const disk of this.disks) execFileSync('umount', [disk]);
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

const BALLAST = 'ballast';

function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=700`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function preloads({ clockAheadH = 0, poisonFrame }: Ailment): Record<string, string> {
  const at = (name: string, query: string) =>
    `--import ${new URL(`preloads/${name}.mjs?${query}`, import.meta.url).href}`;
  const options = [
    ...(clockAheadH === 0 ? [] : [at('skewed-clock', `ms=${clockAheadH * HOUR_MS}`)]),
    ...(poisonFrame === undefined ? [] : [at('poison-frame', `frame=${poisonFrame}`)]),
  ];
  return options.length === 0 ? {} : { NODE_OPTIONS: options.join(' ') };
}

/** The upload of an asset leaves a mark for a while, by which its repetition is known. */
const UPLOADS_OF_USE = `SELECT id::text FROM assets`;
const OBJECTS_OF_USE = `SELECT sha256 FROM assets UNION SELECT sha256 FROM segments UNION SELECT sha256 FROM deliveries
  UNION SELECT sha256 FROM analyses WHERE sha256 IS NOT NULL
  UNION SELECT result ->> 'sha256' FROM attempts WHERE state = 'accepted'`;

interface LaneStarted {
  readonly msg: string;
  readonly lane: number;
  readonly pid: number;
}

async function listed(folder: string): Promise<string[]> {
  return await readdir(folder, { recursive: true }).catch(() => []);
}
