import type { Sql } from '@understudy/db';

/**
 * Refuses, before anything else is looked at, what is to be made in a project whose key was destroyed; the database refuses it
 * too. Until the transaction ends the key stays.
 *
 * @throws UnderstudyError PROJECT_KEY_DESTROYED, as the answer; here the database's own error
 */
export async function requireProjectKey(sql: Sql, projectId: string): Promise<void> {
  await sql.query('SELECT require_project_key($1::uuid)::text', [projectId]);
}
