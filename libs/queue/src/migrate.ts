import { PostgresConnection } from 'bullmq';

/**
 * Brings BullMQ's schema `bullmq` up to date. Run once at set-up, as the database's owner and before the runtime role
 * gets its grants; the running service may not change the schema. Safe to run again and by several at once (BullMQ
 * holds an advisory lock).
 */
export async function migrateQueue(ownerUrl: string): Promise<void> {
  const connection = new PostgresConnection({ connectionString: ownerUrl, migrate: true, max: 1 });
  try {
    await connection.waitUntilReady();
  } finally {
    await connection.close();
  }
}
