import type { Prisma } from './generated/client.js';

/** Where SQL may be run: a pool, a pooled client inside a transaction, or Prisma's interactive transaction. */
export interface Sql {
  /**
   * Rows of one statement. Parameters are `$1`, `$2`, ...: JSON goes in as text with a `::jsonb` cast; `bigint` columns come out as
   * `bigint`, instants as `Date`.
   */
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

/** Prisma and plain SQL in one and the same transaction. */
export interface Tx extends Sql {
  readonly prisma: Prisma.TransactionClient;
}
