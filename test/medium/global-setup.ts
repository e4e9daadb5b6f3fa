import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { type Cluster, ensureRuntimeRole, migrate, startCluster } from '@understudy/db';
import { migrateQueue } from '@understudy/queue';

/** The database that every test database is a copy of. */
export const TEMPLATE = 'understudy_template';

declare module 'vitest' {
  interface ProvidedContext {
    /** The owner's URL of the database `postgres`. */
    clusterUrl: string;
    runtimePassword: string;
  }
}

async function makeTemplate(cluster: Cluster): Promise<string> {
  const admin = new Client({ connectionString: cluster.url() });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  await admin.end();
  const ownerUrl = cluster.url(TEMPLATE);
  const password = randomBytes(12).toString('hex');
  await migrate(ownerUrl);
  await migrateQueue(ownerUrl);
  await ensureRuntimeRole(ownerUrl, { password });
  return password;
}

/** One real Postgres for the whole run: migrated once into a template, copied for each test file. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-medium-'));
  // Postgres runs as a user of its own when we are root, and must be able to pass through.
  await chmod(dir, 0o755);
  const cluster = await startCluster({
    dataDir: join(dir, 'data'),
    password: randomBytes(12).toString('hex'),
    settings: ['max_connections=200'],
    durable: false,
  });
  const tearDown = async (): Promise<void> => {
    await cluster.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    project.provide('runtimePassword', await makeTemplate(cluster));
    project.provide('clusterUrl', cluster.url());
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}
