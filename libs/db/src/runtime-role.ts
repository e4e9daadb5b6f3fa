import { Client, escapeLiteral } from 'pg';
import { normaliseDatabaseError } from './database-error.js';

export const RUNTIME_ROLE = 'understudy_runtime';

/** Schemas whose tables the running service works with; the queue's is there once its own migrations ran. */
const SCHEMAS = ['public', 'bullmq'];

/** The audit log and its tree. */
const APPEND_ONLY = ['audit_events', 'audit_leaves', 'audit_subtrees', 'audit_checkpoints'];

async function grant(client: Client, schema: string): Promise<void> {
  await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await client.query(`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
  await client.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO ${RUNTIME_ROLE}`);
}

/**
 * Creates the role that the running service connects as, or sets its password anew: no DDL, and the audit log by INSERT
 * and SELECT only. Run it after the migrations of the tables and of the queue, each time they ran.
 *
 * @returns the URL of the same database under that role.
 */
export async function ensureRuntimeRole(ownerUrl: string, options: { password: string }): Promise<string> {
  const client = new Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.query('BEGIN');
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [RUNTIME_ROLE]);
    const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(
      `${verb} ROLE ${RUNTIME_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD ${escapeLiteral(options.password)}`,
    );
    await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    for (const schema of SCHEMAS) {
      const found = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
      if (found.rowCount !== 0) await grant(client, schema);
    }
    await client.query(`REVOKE UPDATE, DELETE, TRUNCATE ON ${APPEND_ONLY.join(', ')} FROM ${RUNTIME_ROLE}`);
    // What people typed may go, by two people, and is never changed.
    await client.query(`REVOKE UPDATE, TRUNCATE ON audit_personal FROM ${RUNTIME_ROLE}`);
    await client.query(
      `REVOKE DELETE, TRUNCATE ON audit_erasures, key_destructions, restore_acceptances FROM ${RUNTIME_ROLE}`,
    );
    await client.query(`REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON farm_settings FROM ${RUNTIME_ROLE}`);
    await client.query(`REVOKE ALL ON _prisma_migrations FROM ${RUNTIME_ROLE}`);
    await client.query('COMMIT');
  } catch (error) {
    throw normaliseDatabaseError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
  const url = new URL(ownerUrl);
  url.username = RUNTIME_ROLE;
  url.password = options.password;
  return url.toString();
}
