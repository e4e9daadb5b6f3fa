import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, migrate, openDatabase } from '@understudy/db';
import { createTestDatabase, type TestDatabase } from './database.js';

const REAL = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

let test: TestDatabase;
let database: Database;
let dir: string;

beforeEach(async () => {
  test = await createTestDatabase({ empty: true });
  database = openDatabase(test.ownerUrl, { maxConnections: 2 });
  dir = await mkdtemp(join(tmpdir(), 'understudy-migrations-'));
  await cp(REAL, dir, { recursive: true });
});
afterEach(async () => {
  await database.close();
  await test.drop();
  await rm(dir, { recursive: true });
});

async function add(name: string, sql: string): Promise<void> {
  await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, name, 'migration.sql'), sql);
}

describe('migrate', () => {
  it('applies each migration once, whoever runs it and how often', async () => {
    await add('29990101000000_more', 'CREATE TABLE more (id int);');
    const names = (await readdir(dir)).filter((name) => /^\d/.test(name)).toSorted();
    const applied = await Promise.all([migrate(test.ownerUrl, dir), migrate(test.ownerUrl, dir)]);
    expect(applied.toSorted((one, other) => one.length - other.length)).toEqual([[], names]);
    expect(await migrate(test.ownerUrl, dir)).toEqual([]);
    const rows = await database.query(
      'SELECT migration_name, applied_steps_count AS steps, finished_at IS NOT NULL AS finished FROM _prisma_migrations ORDER BY 1',
    );
    expect(rows).toEqual(names.map((name) => ({ migration_name: name, steps: 1, finished: true })));
  });

  it('refuses an edited migration by name', async () => {
    await add('29990101000000_more', 'CREATE TABLE more (id int);');
    await migrate(test.ownerUrl, dir);
    await add('29990101000000_more', 'CREATE TABLE more (id bigint);');
    await expect(migrate(test.ownerUrl, dir)).rejects.toThrow('29990101000000_more was edited');
  });

  it('leaves nothing of a failed migration and refuses to go on over it', async () => {
    await add('29990101000000_more', 'CREATE TABLE more (id int); SELECT nonsense;');
    await expect(migrate(test.ownerUrl, dir)).rejects.toThrow('nonsense');
    expect(await database.query(`SELECT to_regclass('more') AS more`)).toEqual([{ more: null }]);
    await expect(migrate(test.ownerUrl, dir)).rejects.toThrow('29990101000000_more failed before');
  });

  it('refuses a database that a newer version migrated', async () => {
    await add('29990101000000_more', 'CREATE TABLE more (id int);');
    await migrate(test.ownerUrl, dir);
    await rm(join(dir, '29990101000000_more'), { recursive: true });
    await expect(migrate(test.ownerUrl, dir)).rejects.toThrow('newer version');
  });
});
