import { PostgresConnection } from 'bullmq';

/** Where BullMQ keeps its tables. */
const SCHEMA = 'bullmq';

const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

/**
 * Brings BullMQ's schema up to date and lets the runtime role use it. Run once at set-up, as the database's owner; the
 * running service may not change the schema. Safe to run again and by several at once (BullMQ holds an advisory lock).
 */
export async function migrateQueue(ownerUrl: string, runtimeRole = 'understudy_runtime'): Promise<void> {
  const connection = new PostgresConnection({ connectionString: ownerUrl, schema: SCHEMA, migrate: true, max: 1 });
  try {
    await connection.waitUntilReady();
    const role = quoted(runtimeRole);
    await connection.pool.query(`GRANT USAGE ON SCHEMA ${SCHEMA} TO ${role}`);
    await connection.pool.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO ${role}`);
    await connection.pool.query(`GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${SCHEMA} TO ${role}`);
    await connection.pool.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} TO ${role}`);
  } finally {
    await connection.close();
  }
}
