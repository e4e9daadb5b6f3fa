import { PrismaPg } from '@prisma/adapter-pg';
import { type CustomTypesConfig, Pool, type QueryConfig, types as pgTypes } from 'pg';
import { normaliseDatabaseError } from './database-error.js';
import { PrismaClient } from './generated/client.js';
import type { Sql, Tx } from './sql.js';

const INT8_OID = 20;
const types: CustomTypesConfig = {
  // Prisma gives `bigint` for int8; plain SQL does the same, so that a row reads alike on both ways.
  getTypeParser: (oid, format) =>
    oid === INT8_OID && format !== 'binary' ? (text: string) => BigInt(text) : pgTypes.getTypeParser(oid, format),
};

/** Statements that a connection keeps parsed and planned; texts beyond so many are sent as they are. */
const MOST_PREPARED = 300;
const prepared = new Map<string, string>();

/** A statement with parameters is prepared once a connection, under a name of its own; one without may be several in one. */
function statement(text: string, params: readonly unknown[]): QueryConfig {
  const values = [...params];
  if (values.length === 0) return { text };
  let name = prepared.get(text);
  if (name === undefined && prepared.size < MOST_PREPARED) {
    name = `u${prepared.size}`;
    prepared.set(text, name);
  }
  return name === undefined ? { text, values } : { name, text, values };
}

export interface DatabaseOptions {
  /** Connections of the one pool that Prisma and plain SQL share. */
  maxConnections?: number;
  /** How long a request waits for a connection before it is DATABASE_UNAVAILABLE. */
  connectTimeoutMs?: number;
  /** Told of idle connections that broke; the pool replaces them by itself. */
  onIdleError?: (error: Error) => void;
}

/** A pool and a Prisma client over it. Survives the server's going away: each call fails with DATABASE_UNAVAILABLE meanwhile. */
export class Database implements Sql {
  readonly prisma: PrismaClient;
  readonly pool: Pool;

  constructor(
    readonly url: string,
    options: DatabaseOptions = {},
  ) {
    this.pool = new Pool({
      connectionString: url,
      max: options.maxConnections ?? 16,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
      keepAlive: true,
      types,
    });
    // Without a listener a broken idle connection would end the process.
    this.pool.on('error', options.onIdleError ?? (() => undefined));
    this.prisma = new PrismaClient({ adapter: new PrismaPg(this.pool) });
  }

  async query<Row = Record<string, unknown>>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.pool.query(statement(sql, params))).rows as Row[];
    } catch (error) {
      throw normaliseDatabaseError(error);
    }
  }

  /** Runs `work` in one transaction where Prisma and plain SQL see the same rows. Rolls back when it throws. */
  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.prisma.$transaction(
        (prisma) =>
          work({ prisma, query: async (sql, params = []) => await prisma.$queryRawUnsafe(sql, ...params) } as Tx),
        { maxWait: 10_000, timeout: 60_000 },
      );
    } catch (error) {
      throw normaliseDatabaseError(error);
    }
  }

  /** The same for hot paths, in plain SQL alone and without Prisma's cost. */
  async hotTransaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw normaliseDatabaseError(error);
    });
    let broken: Error | undefined;
    const onError = (error: Error): void => void (broken = error);
    client.on('error', onError);
    try {
      await client.query('BEGIN');
      const result = await work({
        query: async <Row>(sql: string, params: readonly unknown[] = []) =>
          (await client.query(statement(sql, params))).rows as Row[],
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // When the rollback fails too, the connection is gone and must not go back into the pool.
      await client.query('ROLLBACK').catch((rollback: Error) => void (broken = rollback));
      throw normaliseDatabaseError(error);
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
    await this.pool.end();
  }
}

/** Opens lazily: the first call connects. */
export function openDatabase(url: string, options?: DatabaseOptions): Database {
  return new Database(url, options);
}
