import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ObjectStore } from '@understudy/storage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { TestCoordinator } from './coordinator.js';
import { createTestDatabase, type TestDatabase } from './database.js';

const PLATE = randomBytes(200_000);
const [SECRET_KEY, NEW] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];

let database: TestDatabase;
let DATA_DIR: string;
beforeAll(async () => {
  database = await createTestDatabase();
  DATA_DIR = await mkdtemp(join(tmpdir(), 'rewrapped-'));
});
afterAll(async () => {
  await database.drop();
  await rm(DATA_DIR, { recursive: true, force: true });
});

async function started<T>(keys: string | undefined, look: (farm: TestCoordinator, objects: ObjectStore) => Promise<T>) {
  const wrapping: Record<string, string> = keys === undefined ? {} : { KEY_ENCRYPTION_KEYS: keys };
  const farm = await TestCoordinator.start({ DATA_DIR, SECRET_KEY, ...wrapping }, undefined, database);
  try {
    return await look(farm, farm.app.get<ObjectStore>(OBJECT_STORE, { strict: false }));
  } finally {
    await farm.halt();
  }
}

it('a farm gets a new key-encryption key by two starts, and all that it stored stays as it is', async () => {
  const { projectId, sha256 } = await started(undefined, async (farm, objects) => {
    const project = await farm.addProject();
    return { projectId: project, ...(await objects.of(project).put(Readable.from([PLATE]))) };
  });
  const opened = async (objects: ObjectStore) => buffer(await objects.of(projectId).open(sha256));
  await started(`${NEW},${SECRET_KEY}`, async (farm, objects) => {
    expect(await opened(objects)).toEqual(PLATE);
    expect(await farm.audit('project_keys.wrapped_anew')).toMatchObject([{ data: { keys: 1 } }]);
  });
  await started(NEW, async (farm, objects) => {
    expect(await opened(objects)).toEqual(PLATE);
    expect(await farm.audit('project_keys.wrapped_anew')).toHaveLength(1);
  });
  // Who has the secret of before, and the folder, has nothing by it.
  await started(undefined, async (_, objects) => {
    await expect(opened(objects)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
