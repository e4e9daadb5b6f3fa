import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import {
  bootstrapFarm,
  type Cluster,
  type Database,
  ensureRuntimeRole,
  migrate,
  openDatabase,
  startCluster,
} from '@understudy/db';
import { migrateQueue } from '@understudy/queue';
import { ROOT_DIR } from '../../config.js';
import { clusterHome } from '../../farm/cluster-home.js';
import { createRunFolder, type RunFolder } from '../../farm/run-folder.js';
import { COORDINATOR } from '../../farm/local-farm.js';
import { type Service, startService } from '../../farm/service.js';
import { HttpLine } from './http-line.js';

/** Verifies no media; it serves a database of this name and no other. */
const BENCH_COORDINATOR = { ...COORDINATOR, entry: join(ROOT_DIR, 'apps/coordinator/dist/bench/main.js') };
const DATABASE = 'understudy_bench';
const HOST = '127.0.0.1';
/** As many lanes as one host may register. */
const LANES_A_HOST = 64;

export interface BenchLane {
  readonly laneId: string;
  readonly token: string;
}

/** An embedded Postgres with everything durable, as a farm has it, and a coordinator that takes results unseen. */
export class BenchFarm {
  /** Replicas on the one database. */
  readonly #coordinators: Service[] = [];

  private constructor(
    private readonly folder: RunFolder,
    private readonly cluster: Cluster,
    /** As the owner. */
    readonly owner: Database,
    private readonly runtimeUrl: string,
    readonly userToken: string,
    /** Under which its coordinators take and give records. */
    readonly secretKey: string,
  ) {}

  static async start(homeDir: string): Promise<BenchFarm> {
    const folder = await createRunFolder(homeDir);
    let cluster: Cluster | null = null;
    try {
      const dataDir = join(await clusterHome(folder.dir), 'cluster');
      cluster = await startCluster({ dataDir, password: randomBytes(24).toString('base64url') });
      const admin = openDatabase(cluster.url(), { maxConnections: 1 });
      await admin.query(`CREATE DATABASE ${DATABASE}`);
      await admin.close();
      const ownerUrl = cluster.url(DATABASE);
      await migrate(ownerUrl);
      await migrateQueue(ownerUrl);
      const runtimeUrl = await ensureRuntimeRole(ownerUrl, { password: randomBytes(24).toString('base64url') });
      const secretKey = randomBytes(32).toString('hex');
      const people = await bootstrapFarm(ownerUrl, {
        secretKey,
        accounts: 'simple',
        user: { name: 'bench', email: 'bench@localhost.localdomain', farmRoles: ['org_admin', 'farm_operator'] },
        worker: { name: 'bench' },
        validDays: 1,
      });
      await mkdir(join(folder.dir, 'store'), { mode: 0o700 });
      return new BenchFarm(
        folder,
        cluster,
        openDatabase(ownerUrl, { maxConnections: 2 }),
        runtimeUrl,
        people.userToken,
        secretKey,
      );
    } catch (thrown) {
      await cluster?.stop();
      await folder.remove();
      throw thrown;
    }
  }

  get postgresPid(): number {
    return this.cluster.pid;
  }

  get coordinatorPids(): readonly number[] {
    return this.#coordinators.map(({ pid }) => pid);
  }

  /** Of the first coordinator. */
  get address(): { host: string; port: number } {
    const [port] = this.ports;
    if (port === undefined) throw new UnderstudyError('INTERNAL', 'the coordinator of the bench does not run');
    return { host: HOST, port };
  }

  get ports(): readonly number[] {
    return this.#coordinators.map(({ readyEntry }) => Number(readyEntry['port']));
  }

  /** Starts so many coordinators, in the place of those that run. */
  async startCoordinators(count: number, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#stopCoordinators();
    for (let replica = 0; replica < count; replica += 1) {
      const coordinator = await startService({
        name: 'coordinator',
        ...BENCH_COORDINATOR,
        environment: {
          HOST,
          PORT: '0',
          DATABASE_URL: this.runtimeUrl,
          DATA_DIR: join(this.folder.dir, 'store'),
          SECRET_KEY: this.secretKey,
          ACCOUNTS: 'simple',
          ...settings,
        },
        logPath: join(this.folder.dir, `coordinator-${replica}.log`),
        isReady: (entry) => entry['msg'] === 'listening' && typeof entry['port'] === 'number',
        readyTimeoutMs: 60_000,
      });
      this.#coordinators.push(coordinator);
    }
  }

  async #stopCoordinators(): Promise<void> {
    await Promise.all(this.#coordinators.splice(0).map((coordinator) => coordinator.stop()));
  }

  /** Workers of one host each, with their lanes, through the API. */
  async addLanes(count: number): Promise<BenchLane[]> {
    const lanes: BenchLane[] = [];
    const operator = new HttpLine(this.address, this.userToken);
    for (let host = 0; lanes.length < count; host += 1) {
      const name = `bench-${lanes.length}-${randomBytes(3).toString('hex')}`;
      const { secret: token } = await expectOk<{ secret: string }>(operator, '/api/v1/workers', { name });
      const worker = new HttpLine(this.address, token);
      const wanted = Math.min(LANES_A_HOST, count - lanes.length);
      for (let ordinal = 0; ordinal < wanted; ordinal += 1) {
        const body = { ordinal, host: `host-${host}`, capabilities: CAPABILITIES };
        const { laneId } = await expectOk<{ laneId: string }>(worker, '/api/v1/lanes', body);
        lanes.push({ laneId, token });
      }
      worker.close();
    }
    operator.close();
    return lanes;
  }

  async stop(): Promise<void> {
    await this.#stopCoordinators();
    await this.owner.close();
    await this.cluster.stop();
    await this.folder.remove();
  }
}

const CAPABILITIES = {
  parityClass: { provider: 'cpu', precision: 'fp32', runtime: 'bench', instructionSet: 'bench', batch: 1 },
  kinds: ['render'],
  threads: 1,
  vramMiB: 0,
  packs: ['default'],
};

async function expectOk<Body>(line: HttpLine, path: string, body: unknown): Promise<Body> {
  const answer = await line.post(path, body);
  if (answer.status === 200) return answer.body as Body;
  throw new UnderstudyError('INTERNAL', `the coordinator of the bench answered ${answer.status} to ${path}`);
}
