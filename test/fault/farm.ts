import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createNodeClient, type NodeClient } from '@understudy/client/node';
import { bootstrapFarm, type Cluster, ensureRuntimeRole, freePort, migrate, startCluster } from '@understudy/db';
import { migrateQueue } from '@understudy/queue';
import { COORDINATOR_ENTRY, WORKER_ENTRY } from '../../apps/cli/src/farm/local-farm.js';
import { launchService, type Service, startService, type StartingService } from '../../apps/cli/src/farm/service.js';
import { Ledger } from './ledger.js';
import { Relay } from './relay.js';

export const LEASE_SECONDS = 3;
const LANES = 2;

/** A farm of real processes whose parts can be ended and started again one by one. The worker reaches it by a relay. */
export class FaultFarm {
  readonly ledger: Ledger;
  readonly client: NodeClient;
  readonly scratchDir: string;
  cluster: Cluster;
  coordinator: Service | undefined;
  worker: StartingService | undefined;

  private constructor(
    readonly dir: string,
    readonly homeDir: string,
    private readonly secrets: { owner: string; runtimeUrl: string; key: string; workerToken: string },
    cluster: Cluster,
    readonly port: number,
    readonly relay: Relay,
    userToken: string,
  ) {
    this.cluster = cluster;
    this.scratchDir = join(dir, 'scratch');
    this.ledger = new Ledger(cluster.url());
    this.client = createNodeClient({ baseUrl: `http://127.0.0.1:${port}`, token: userToken });
  }

  /** @param homeDir holds the model packs */
  static async start(homeDir: string): Promise<FaultFarm> {
    const dir = await mkdtemp(join(tmpdir(), 'understudy-fault-'));
    // The database's account must get through.
    await chmod(dir, 0o711);
    for (const name of ['store', 'scratch']) await mkdir(join(dir, name), { mode: 0o700 });
    const owner = randomBytes(24).toString('base64url');
    const cluster = await startCluster({ dataDir: join(dir, 'cluster'), password: owner });
    await migrate(cluster.url());
    await migrateQueue(cluster.url());
    const runtimeUrl = await ensureRuntimeRole(cluster.url(), { password: randomBytes(24).toString('base64url') });
    const people = await bootstrapFarm(cluster.url(), {
      user: { name: 'operator', email: 'operator@localhost.localdomain', farmRoles: ['org_admin', 'farm_operator'] },
      worker: { name: 'local' },
    });
    const port = await freePort();
    const secrets = { owner, runtimeUrl, key: randomBytes(32).toString('hex'), workerToken: people.workerToken };
    const relay = await Relay.open(() => port);
    const farm = new FaultFarm(dir, homeDir, secrets, cluster, port, relay, people.userToken);
    await farm.startCoordinator();
    await farm.startWorker();
    return farm;
  }

  async startCoordinator(): Promise<void> {
    this.coordinator = await startService({
      name: 'coordinator',
      entry: COORDINATOR_ENTRY,
      environment: {
        HOST: '127.0.0.1',
        PORT: String(this.port),
        DATABASE_URL: this.secrets.runtimeUrl,
        DATA_DIR: join(this.dir, 'store'),
        SECRET_KEY: this.secrets.key,
        ALLOW_LOCAL_PROFILE: 'true',
        LEASE_SECONDS: String(LEASE_SECONDS),
        HEARTBEAT_SECONDS: '0.2',
        SWEEP_SECONDS: '0.5',
      },
      logPath: join(this.dir, 'coordinator.log'),
      isReady: (entry) => entry['msg'] === 'listening',
      readyTimeoutMs: 60_000,
    });
  }

  async startWorker(): Promise<void> {
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
      },
      logPath: join(this.dir, 'worker.log'),
      isReady: (entry) => entry['msg'] === 'lanes ready',
      readyTimeoutMs: 120_000,
    });
    await this.worker.ready;
  }

  async killCoordinator(): Promise<void> {
    const { pid, ended } = this.coordinator!;
    process.kill(pid, 'SIGKILL');
    await ended;
  }

  async killWorker(): Promise<void> {
    const { pid, ended } = this.worker!;
    process.kill(pid, 'SIGKILL');
    await ended;
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
    return [...lanes, ...partial, ...uploads, ...objects];
  }

  /** Ends the worker in good order and says what it left in its scratch folder. */
  async endWorker(): Promise<string[]> {
    await this.worker?.stop();
    return await listed(this.scratchDir);
  }

  async stop(): Promise<void> {
    await this.worker?.stop();
    await this.coordinator?.stop();
    await this.relay.close();
    this.client.close();
    await this.ledger.close();
    await this.cluster.stop();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** An upload that was taken leaves a mark, by which its repetition is known. */
const UPLOADS_OF_USE = `SELECT id::text FROM assets UNION SELECT id::text FROM attempts WHERE state = 'accepted'`;
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
