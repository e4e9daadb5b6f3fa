import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { openDatabase } from '@understudy/db';
import { clusterElsewhere } from '../../apps/cli/src/farm/cluster-home.js';

/** Whether a file holds one of the words, wherever in it. */
async function holds(path: string, words: readonly string[]): Promise<boolean> {
  const most = Math.max(...words.map((word) => word.length));
  let tail = '';
  for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
    const text: string = tail + String(chunk);
    if (words.some((word) => text.includes(word))) return true;
    tail = text.slice(-most);
  }
  return false;
}

/**
 * Files under a folder that hold one of the words, or bear one in their name; without the files of Postgres itself, whose tables
 * are looked at by `columnsWith`.
 */
export async function filesWith(folder: string, words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (/(^|\/)cluster\//.test(name)) continue;
    if (words.some((word) => entry.name.includes(word))) found.push(name);
    else if (entry.isFile() && statSync(path, { throwIfNoEntry: false }) !== undefined && (await holds(path, words))) {
      found.push(name);
    }
  }
  return found.toSorted();
}

/** The embedded database of a farm that runs, as its owner. */
function ownerUrlOf(farmDir: string): string {
  const { ownerPassword } = JSON.parse(readFileSync(join(farmDir, 'secrets.json'), 'utf8')) as {
    ownerPassword: string;
  };
  const home = [farmDir, clusterElsewhere(farmDir)].find((dir) => existsSync(join(dir, 'cluster/postmaster.pid')));
  const [, , , port] = readFileSync(join(home ?? farmDir, 'cluster/postmaster.pid'), 'utf8').split('\n');
  return `postgresql://understudy_owner:${encodeURIComponent(ownerPassword)}@127.0.0.1:${port}/postgres`;
}

/** `table.column` of each column, of any type and schema, in which one of the words stands; queue and log included. */
export async function columnsWith(farmDir: string, words: readonly string[]): Promise<string[]> {
  const database = openDatabase(ownerUrlOf(farmDir), { maxConnections: 1 });
  try {
    const columns = await database.query<{ schema: string; table: string; column: string }>(
      `SELECT c.table_schema AS schema, c.table_name AS table, c.column_name AS column
         FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const found: string[] = [];
    for (const { schema, table, column } of columns) {
      // Bytes are shown in hex by default; escaped they keep their letters.
      const rows = await database.query(
        `SELECT 1 FROM "${schema}"."${table}" r WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) w
          WHERE strpos(CASE WHEN pg_typeof(r."${column}") = 'bytea'::regtype
            THEN encode(decode(ltrim(r."${column}"::text, '\\x'), 'hex'), 'escape') ELSE r."${column}"::text END, w) > 0) LIMIT 1`,
        [words],
      );
      if (rows.length > 0) found.push(`${table}.${column}`);
    }
    if (columns.length === 0) throw new Error('no tables were found to look at');
    return found.toSorted();
  } finally {
    await database.close();
  }
}
