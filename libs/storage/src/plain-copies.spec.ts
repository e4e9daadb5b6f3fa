import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FolderStore } from './folder-store.js';
import type { ProjectObjects } from './object-store.js';

const CONTENT = Buffer.from('frames of a plate, '.repeat(5000));
const key = randomBytes(32);
const keys = { forSealing: () => key, forOpening: () => key };
const project = randomUUID();
let root: string;
let store: FolderStore;
let own: ProjectObjects;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'in-the-clear-'));
  store = await FolderStore.open(root, { keys });
  own = store.of(project);
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

describe('files in the clear', () => {
  const plain = async (): Promise<string[]> => {
    const [folder = ''] = await readdir(join(root, 'scratch'));
    return (await readdir(join(root, 'scratch', folder))).filter((name) => name !== 'alive');
  };
  let stored: string;
  beforeEach(async () => {
    stored = (await own.put(Readable.from([CONTENT]))).sha256;
  });

  it('are one for all who read the object, and gone a moment after the last', async () => {
    const path = await own.withFiles([stored, stored], async ([one = '', other]) => {
      expect(other).toBe(one);
      await own.withFiles([stored], async ([again]) => expect(again).toBe(one));
      expect(await plain()).toHaveLength(1);
      return one;
    });
    // A stage that follows at once reads the same file.
    await own.withFiles([stored], async ([again]) => expect(again).toBe(path));
    await vi.waitFor(async () => expect(await plain()).toEqual([]), { timeout: 5000 });
  });

  it('can be read by the user who decodes when it is handed them, and be found by nobody else', async () => {
    const before = process.umask(0o077);
    await own.withFiles([stored], async ([path = '']) => {
      expect((await stat(path)).mode & 0o777).toBe(0o644);
      expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    });
    process.umask(before);
  });

  it('are gone at once when the object is deleted, or the reader is told to stop', async () => {
    await own.withFiles([stored], async () => {
      await own.delete(stored);
      expect(await plain()).toEqual([]);
    });
    const { sha256: next } = await own.put(Readable.from([CONTENT]));
    const ending = new AbortController();
    await store.withFolder(async (folder) => {
      await writeFile(join(folder, 'made'), CONTENT);
      await own.withFiles(
        [next],
        async () => {
          expect(await plain()).toHaveLength(2);
          ending.abort();
          await vi.waitFor(async () => expect(await plain()).toEqual([]), { timeout: 1000, interval: 5 });
        },
        ending.signal,
      );
    }, ending.signal);
    const late = own.withFiles([next], () => Promise.resolve(), ending.signal);
    await expect(late).rejects.toThrow(/abort/);
  });

  it('stay with who else reads them', async () => {
    const ending = new AbortController();
    await own.withFiles([stored], async ([kept = '']) => {
      const stopped = own.withFiles([stored], async () => ending.abort(), ending.signal);
      await stopped;
      expect(await readFile(kept)).toEqual(CONTENT);
    });
  });

  it('go with the store, and none is left after an object that is damaged', async () => {
    const path = join(root, 'objects', project, stored.slice(0, 2), stored);
    const bytes = await readFile(path);
    bytes[bytes.length - 20]! ^= 1;
    await writeFile(path, bytes);
    const read = (sha: string) => own.withFiles([sha], ([at = '']) => readFile(at));
    await expect(read(stored)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await plain()).toEqual([]);
    const { sha256: next } = await own.put(Readable.from([CONTENT]));
    await read(next);
    await store.close();
    expect(await readdir(join(root, 'scratch'))).toEqual([]);
  });
});

describe('what killed processes left in the clear', () => {
  it('is gone with the next start; another’s is not, nor what is not ours', async () => {
    const scratch = join(root, 'scratch');
    const { pid: dead } = spawnSync('true');
    const left = [`${hostname()}.${dead}.${randomUUID()}`, `${hostname()}.${process.pid}.${randomUUID()}`];
    const others = [`elsewhere.7.${randomUUID()}`, `elsewhere.8.${randomUUID()}`];
    const longAgo = new Date(Date.now() - 3600_000);
    for (const name of [...left, ...others]) {
      await mkdir(join(scratch, name));
      await writeFile(join(scratch, name, 'a face'), CONTENT);
      await writeFile(join(scratch, name, 'alive'), '');
    }
    await utimes(join(scratch, others[1]!, 'alive'), longAgo, longAgo);
    await writeFile(join(scratch, 'notes.txt'), 'of somebody');
    const beside = await FolderStore.open(root, { keys });
    const names = await readdir(scratch);
    expect(names).toHaveLength(4);
    expect(names).toEqual(expect.arrayContaining([others[0], 'notes.txt']));
    await beside.close();
  });
});
