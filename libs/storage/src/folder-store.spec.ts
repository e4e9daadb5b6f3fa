import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderStore } from './folder-store.js';
import type { ProjectObjects } from './object-store.js';

const KEYS = new Map<string, Buffer>();
function keyOf(projectId: string): Buffer {
  const key = KEYS.get(projectId) ?? randomBytes(32);
  KEYS.set(projectId, key);
  return key;
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
const CONTENT = Buffer.from('frames of a plate, '.repeat(5000));
const announced = { sha256: sha256(CONTENT), bytes: CONTENT.length };

async function* chunks(content: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function* breaking(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
  throw new Error('the line went dead');
}

const keys = { forSealing: keyOf, forOpening: keyOf };
const project = randomUUID();
let root: string;
let store: FolderStore;
let own: ProjectObjects;
const reopen = async (): Promise<void> => {
  await store.close();
  store = await FolderStore.open(root, { keys });
  own = store.of(project);
};
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'folder-store-'));
  store = await FolderStore.open(root, { keys });
  own = store.of(project);
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const read = (sha: string): Promise<Buffer> => own.withFiles([sha], ([path = '']) => readFile(path));

const leftovers = async (): Promise<string[]> => [
  ...(await readdir(join(root, 'partial'))),
  ...(await readdir(join(root, 'uploads'))),
];
const objects = async (): Promise<string[]> =>
  (await readdir(join(root, 'objects'), { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name));

describe('put', () => {
  it('names content by its hash, once', async () => {
    expect(await own.put(chunks(CONTENT))).toEqual(announced);
    expect(await own.put(chunks(CONTENT, 77))).toEqual(announced);
    expect(await objects()).toHaveLength(1);
    expect(await buffer(await own.open(announced.sha256))).toEqual(CONTENT);
    expect(await read(announced.sha256)).toEqual(CONTENT);
    expect(await leftovers()).toEqual([]);
  });

  it.each([
    ['a stream that breaks', () => own.put(breaking(CONTENT)), 'the line went dead'],
    ['too many bytes', () => own.put(chunks(CONTENT), { maxBytes: 999 }), /More than 999 bytes/],
    ['another hash', () => own.put(chunks(CONTENT), { sha256: '0'.repeat(64) }), /not what was announced/],
  ])('leaves nothing behind after %s', async (_, act, message) => {
    await expect(act()).rejects.toThrow(message);
    expect(await objects()).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });

  it('never shows an object before it is whole', async () => {
    let seen: string[] | undefined;
    const watched = async function* (): AsyncGenerator<Uint8Array> {
      yield CONTENT;
      seen = await objects();
    };
    await own.put(watched());
    expect(seen).toEqual([]);
  });

  it('says DISK_FULL when the disk is', async () => {
    const full = async function* (): AsyncGenerator<Uint8Array> {
      yield CONTENT;
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    await expect(own.put(full())).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await leftovers()).toEqual([]);
  });
});

describe('takeFile', () => {
  it('says so where there is no such file, and leaves nothing', async () => {
    await expect(own.takeFile(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await leftovers()).toEqual([]);
  });

  it('moves a finished file in', async () => {
    const path = join(root, 'made elsewhere');
    await writeFile(path, CONTENT);
    expect(await own.takeFile(path)).toEqual(announced);
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await read(announced.sha256)).toEqual(CONTENT);
  });
});

describe('open', () => {
  it.each([
    [0, 10],
    [5, 5],
    [CONTENT.length - 1, CONTENT.length],
    [CONTENT.length, CONTENT.length],
    [0, CONTENT.length],
  ])('gives the bytes [%i, %i)', async (start, end) => {
    await own.put(chunks(CONTENT));
    expect(await buffer(await own.open(announced.sha256, { start, end }))).toEqual(CONTENT.subarray(start, end));
  });

  it('refuses a range beyond the object, and an object that is not there', async () => {
    await own.put(chunks(CONTENT));
    const beyond = own.open(announced.sha256, { start: 0, end: CONTENT.length + 1 });
    await expect(beyond).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(own.open('1'.repeat(64))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await own.stat('1'.repeat(64))).toBeNull();
  });
});

describe('delete', () => {
  it('tells whether it was there', async () => {
    await own.put(chunks(CONTENT));
    expect(await own.delete(announced.sha256)).toBe(true);
    expect(await own.delete(announced.sha256)).toBe(false);
    expect(await own.stat(announced.sha256)).toBeNull();
  });
});

describe('an upload', () => {
  const id = randomUUID();
  const append = (offset: number, content: Uint8Array, maxBytes = CONTENT.length) =>
    own.appendUpload(id, offset, chunks(content), maxBytes);

  it('goes on where it stopped, by another process too', async () => {
    expect(await store.uploadOffset(id)).toBe(0);
    expect(await append(0, CONTENT.subarray(0, 1234))).toBe(1234);
    await reopen();
    expect(await store.uploadOffset(id)).toBe(1234);
    expect(await append(1234, CONTENT.subarray(1234))).toBe(CONTENT.length);
    expect(await own.finishUpload(id, announced)).toEqual(announced);
    expect(await read(announced.sha256)).toEqual(CONTENT);
    expect(await leftovers()).toEqual([`${id}.done`]);
  });

  it('is not made by knowing the hash of an object that is there', async () => {
    await own.put(chunks(CONTENT));
    await expect(own.finishUpload(id, announced)).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
  });

  it('keeps what arrived before the line broke', async () => {
    const broken = own.appendUpload(id, 0, breaking(CONTENT.subarray(0, 500)), CONTENT.length);
    await expect(broken).rejects.toThrow('the line went dead');
    expect(await store.uploadOffset(id)).toBe(500);
  });

  it.each([0, 499, 501])('refuses offset %i where 500 bytes are there', async (offset) => {
    await append(0, CONTENT.subarray(0, 500));
    await expect(append(offset, CONTENT.subarray(0, 10))).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { offset: 500 },
    });
    expect(await store.uploadOffset(id)).toBe(500);
  });

  it('refuses a second append while one runs', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      await gate;
      yield CONTENT;
    };
    const first = own.appendUpload(id, 0, slow(), CONTENT.length);
    await expect(append(0, CONTENT)).rejects.toMatchObject({ code: 'CONFLICT' });
    go();
    expect(await first).toBe(CONTENT.length);
  });

  it('that is thrown away between any two of its steps ends as if it had come before', async () => {
    for (let round = 0; round < 150; round++) {
      const appending = append(0, CONTENT.subarray(0, 100));
      const pauses = round % 15;
      for (let pause = 0; pause < pauses; pause++) await new Promise((resolve) => setImmediate(resolve));
      await store.discardUpload(id);
      expect(await appending).toBe(100);
      await store.discardUpload(id);
    }
  });

  it('takes no more bytes than announced', async () => {
    await expect(append(0, CONTENT, CONTENT.length - 1)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it.each([
    ['a byte is another', Buffer.concat([Buffer.from('F'), CONTENT.subarray(1)])],
    ['bytes are missing', CONTENT.subarray(0, -1)],
  ])('is refused and gone when %s', async (_, content) => {
    await append(0, content);
    await expect(own.finishUpload(id, announced)).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
    expect(await objects()).toEqual([]);
    expect(await store.uploadOffset(id)).toBe(0);
  });

  it('can be finished again, and discarded', async () => {
    await append(0, CONTENT);
    await own.finishUpload(id, announced);
    expect(await own.finishUpload(id, announced)).toEqual(announced);
    await append(0, CONTENT.subarray(0, 10));
    await store.discardUpload(id);
    expect(await store.uploadOffset(id)).toBe(0);
    expect(await leftovers()).toEqual([]);
  });
});

describe('names', () => {
  it.each(['../../etc/passwd', `../${'a'.repeat(61)}`, 'A'.repeat(64), '', `${'a'.repeat(64)}/..`, 'a\0b'])(
    'makes no path of %j',
    async (name) => {
      await writeFile(join(root, 'secret'), 'outside');
      await symlink(join(root, 'secret'), join(root, 'objects', 'link'));
      for (const act of [
        () => own.open(name),
        () => own.stat(name),
        () => own.delete(name),
        () => own.withFiles([name], () => Promise.resolve()),
        () => store.of(name).stat('a'.repeat(64)),
        () => store.uploadOffset(name),
        () => own.appendUpload(name, 0, chunks(CONTENT), 1e9),
        () => store.discardUpload(name),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      }
    },
  );
});

describe('opening the store again', () => {
  it('removes what dead processes left, keeps objects and fresh uploads', async () => {
    await own.put(chunks(CONTENT));
    const [old, fresh] = [randomUUID(), randomUUID()];
    await own.appendUpload(fresh, 0, chunks(CONTENT), CONTENT.length);
    await writeFile(join(root, 'partial', old), 'half');
    await writeFile(join(root, 'uploads', old), 'half');
    const daysAgo = new Date(Date.now() - 2 * 24 * 3600 * 1000);
    for (const folder of ['partial', 'uploads']) await utimes(join(root, folder, old), daysAgo, daysAgo);
    await reopen();
    expect(await leftovers()).toEqual([fresh]);
    expect(await own.stat(announced.sha256)).toEqual(announced);
  });
});

describe('at rest', () => {
  const TEXT = Buffer.from('a face in the clear');
  const everything = async (): Promise<Buffer> => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return Buffer.concat(await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name)))));
  };

  it('nothing lies in the clear, neither whole nor while it arrives', async () => {
    const { sha256: stored } = await own.put(chunks(TEXT));
    await own.appendUpload(randomUUID(), 0, chunks(TEXT), 100);
    expect((await everything()).includes('a face')).toBe(false);
    await own.withFiles([stored], async () => expect((await everything()).includes('a face')).toBe(true));
  });

  it('is a project’s own: another has no such object, nor does its key open it', async () => {
    const { sha256: stored } = await own.put(chunks(TEXT));
    const other = randomUUID();
    await expect(store.of(other).open(stored)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const at = (id: string): string => join(root, 'objects', id, stored.slice(0, 2));
    await mkdir(at(other), { recursive: true });
    await copyFile(join(at(project), stored), join(at(other), stored));
    await expect(store.of(other).open(stored)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('is not read in place of another object, nor once the key is gone', async () => {
    const [one, other] = [await own.put(chunks(TEXT)), await own.put(chunks(CONTENT))];
    const path = ({ sha256: name }: { sha256: string }): string =>
      join(root, 'objects', project, name.slice(0, 2), name);
    await copyFile(path(other), path(one));
    await expect(own.open(one.sha256)).rejects.toMatchObject({ code: 'INTERNAL' });
    await store.close();
    store = await FolderStore.open(root, { keys: { forSealing: keyOf, forOpening: () => null } });
    await expect(store.of(project).open(other.sha256)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
