import { join } from 'node:path';
import { ensureRuntimeRole, migrate, startCluster } from '@understudy/db';
import { migrateQueue } from '@understudy/queue';
import { clusterHome } from './cluster-home.js';

export interface FarmDatabase {
  readonly ownerUrl: string;
  /** For the coordinator: no right to change tables or the audit log. */
  readonly runtimeUrl: string;
  /** Resolves when the server has ended; never for a server of somebody else's. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface FarmDatabaseOptions {
  /** Holds the embedded cluster. */
  readonly dir: string;
  /** A server of one's own instead, as the owner of its database. */
  readonly databaseUrl: string | undefined;
  /** Of an embedded cluster. */
  readonly ownerPassword: string;
  readonly runtimePassword: string;
  readonly port?: number;
}

/** Starts or reaches the database, brings its tables up to date and makes the role the coordinator runs under. */
export async function openFarmDatabase(options: FarmDatabaseOptions): Promise<FarmDatabase> {
  const server = options.databaseUrl === undefined ? await startEmbedded(options) : foreign(options.databaseUrl);
  try {
    await migrate(server.ownerUrl);
    await migrateQueue(server.ownerUrl);
    const runtimeUrl = await ensureRuntimeRole(server.ownerUrl, { password: options.runtimePassword });
    return { ...server, runtimeUrl };
  } catch (thrown) {
    await server.stop();
    throw thrown;
  }
}

type Server = Omit<FarmDatabase, 'runtimeUrl'>;

function foreign(ownerUrl: string): Server {
  return { ownerUrl, ended: new Promise(() => undefined), stop: async () => undefined };
}

async function startEmbedded(options: FarmDatabaseOptions): Promise<Server> {
  const cluster = await startCluster({
    dataDir: join(await clusterHome(options.dir), 'cluster'),
    password: options.ownerPassword,
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  return { ownerUrl: cluster.url(), ended: cluster.ended, stop: () => cluster.stop() };
}
