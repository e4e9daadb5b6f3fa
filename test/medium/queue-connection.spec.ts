import { randomUUID } from 'node:crypto';
import type { PostgresConnection } from 'bullmq';
import { Client, type Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQueueConnection, type StageJob, StageQueue } from '@understudy/queue';
import { createTestDatabase, type TestDatabase } from './database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** The parts of BullMQ's connection that break. */
interface Connections {
  readonly pool: Pool;
  getListenClient(): Promise<Client>;
}

const work = { run: async () => undefined, onError: () => undefined };
const queueAt = (url: string, nowMs: () => number) =>
  new StageQueue(openQueueConnection(url), { lockMs: 10_000, nowMs, onError: () => undefined });

describe('a connection of the queue’s to Postgres', () => {
  it('that breaks, in use, while idle or on its way out, does not end the process', async () => {
    const { factory, connection } = openQueueConnection(database.runtimeUrl);
    const backend = factory('stages', { connection }) as unknown as { connection: PostgresConnection };
    const own = backend.connection as unknown as Connections;
    const used = await own.pool.connect();
    const listening = await own.getListenClient();
    const gone = new Error('read ECONNRESET');
    expect(() => used.emit('error', gone)).not.toThrow();
    used.release(true);
    await backend.connection.close();
    expect(() => listening.emit('error', gone)).not.toThrow();
  });
});

describe('a queue in a process whose clock is wrong', () => {
  it.each([1, -1])('locks its jobs by the shared clock: %i h', async (hours) => {
    const skewedNow = Date.now;
    Date.now = () => skewedNow() + hours * 3_600_000;
    const queue = queueAt(database.runtimeUrl, () => skewedNow());
    try {
      let lock: number | undefined;
      const run = async ({ id }: StageJob) => void (lock = await lockOf(id));
      queue.work({ ...work, run }, { stages: 1, outside: 1 });
      const shotVersionId = randomUUID();
      await queue.add('link', shotVersionId, { shotVersionId });
      await expect.poll(() => lock, { timeout: 20_000 }).toBeDefined();
      expect(Math.abs(lock! - skewedNow() - 10_000)).toBeLessThan(8_000);
    } finally {
      Date.now = skewedNow;
      await queue.close();
    }
  });
});

/** Until when a job is locked, in milliseconds of the epoch. */
async function lockOf(id: string): Promise<number> {
  const client = new Client({ connectionString: database.ownerUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ until: string }>(
      'SELECT locked_until_ms AS until FROM bullmq.job WHERE id = $1',
      [id],
    );
    return Number(rows[0]?.until);
  } finally {
    await client.end();
  }
}
