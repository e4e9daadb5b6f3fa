import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderStore } from './folder-store.js';

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

let root: string;
let store: FolderStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'folder-store-'));
  store = await FolderStore.open(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const leftovers = async (): Promise<string[]> => [
  ...(await readdir(join(root, 'partial'))),
  ...(await readdir(join(root, 'uploads'))),
];
const objects = async (): Promise<string[]> =>
  (await readdir(join(root, 'objects'), { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name));

describe('put', () => {
  it('names content by its hash, once', async () => {
    expect(await store.put(chunks(CONTENT))).toEqual(announced);
    expect(await store.put(chunks(CONTENT, 77))).toEqual(announced);
    expect(await objects()).toHaveLength(1);
    expect(await buffer(await store.open(announced.sha256))).toEqual(CONTENT);
    expect(await readFile(await store.localPath(announced.sha256))).toEqual(CONTENT);
    expect(await leftovers()).toEqual([]);
  });

  it.each([
    ['a stream that breaks', () => store.put(breaking(CONTENT)), 'the line went dead'],
    ['too many bytes', () => store.put(chunks(CONTENT), { maxBytes: 999 }), /More than 999 bytes/],
    ['another hash', () => store.put(chunks(CONTENT), { sha256: '0'.repeat(64) }), /not what was announced/],
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
    await store.put(watched());
    expect(seen).toEqual([]);
  });

  it('says DISK_FULL when the disk is', async () => {
    const full = async function* (): AsyncGenerator<Uint8Array> {
      yield CONTENT;
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    await expect(store.put(full())).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await leftovers()).toEqual([]);
  });
});

describe('takeFile', () => {
  it('moves a finished file in', async () => {
    const path = join(root, 'made elsewhere');
    await writeFile(path, CONTENT);
    expect(await store.takeFile(path)).toEqual(announced);
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(await store.localPath(announced.sha256))).toEqual(CONTENT);
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
    await store.put(chunks(CONTENT));
    expect(await buffer(await store.open(announced.sha256, { start, end }))).toEqual(CONTENT.subarray(start, end));
  });

  it('refuses a range beyond the object, and an object that is not there', async () => {
    await store.put(chunks(CONTENT));
    const beyond = store.open(announced.sha256, { start: 0, end: CONTENT.length + 1 });
    await expect(beyond).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(store.open('1'.repeat(64))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await store.stat('1'.repeat(64))).toBeNull();
  });
});

describe('delete', () => {
  it('tells whether it was there', async () => {
    await store.put(chunks(CONTENT));
    expect(await store.delete(announced.sha256)).toBe(true);
    expect(await store.delete(announced.sha256)).toBe(false);
    expect(await store.stat(announced.sha256)).toBeNull();
  });
});

describe('an upload', () => {
  const id = randomUUID();
  const append = (offset: number, content: Uint8Array, maxBytes = CONTENT.length) =>
    store.appendUpload(id, offset, chunks(content), maxBytes);

  it('goes on where it stopped, by another process too', async () => {
    expect(await store.uploadOffset(id)).toBe(0);
    expect(await append(0, CONTENT.subarray(0, 1234))).toBe(1234);
    store = await FolderStore.open(root);
    expect(await store.uploadOffset(id)).toBe(1234);
    expect(await append(1234, CONTENT.subarray(1234))).toBe(CONTENT.length);
    expect(await store.finishUpload(id, announced)).toEqual(announced);
    expect(await readFile(await store.localPath(announced.sha256))).toEqual(CONTENT);
    expect(await leftovers()).toEqual([`${id}.done`]);
  });

  it('is not made by knowing the hash of an object that is there', async () => {
    await store.put(chunks(CONTENT));
    await expect(store.finishUpload(id, announced)).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
  });

  it('keeps what arrived before the line broke', async () => {
    const broken = store.appendUpload(id, 0, breaking(CONTENT.subarray(0, 500)), CONTENT.length);
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
    const first = store.appendUpload(id, 0, slow(), CONTENT.length);
    await expect(append(0, CONTENT)).rejects.toMatchObject({ code: 'CONFLICT' });
    go();
    expect(await first).toBe(CONTENT.length);
  });

  it('takes no more bytes than announced', async () => {
    await expect(append(0, CONTENT, CONTENT.length - 1)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it.each([
    ['a byte is another', Buffer.concat([Buffer.from('F'), CONTENT.subarray(1)])],
    ['bytes are missing', CONTENT.subarray(0, -1)],
  ])('is refused and gone when %s', async (_, content) => {
    await append(0, content);
    await expect(store.finishUpload(id, announced)).rejects.toMatchObject({ code: 'UPLOAD_MISMATCH' });
    expect(await objects()).toEqual([]);
    expect(await store.uploadOffset(id)).toBe(0);
  });

  it('can be finished again, and discarded', async () => {
    await append(0, CONTENT);
    await store.finishUpload(id, announced);
    expect(await store.finishUpload(id, announced)).toEqual(announced);
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
        () => store.open(name),
        () => store.stat(name),
        () => store.delete(name),
        () => store.localPath(name),
        () => store.uploadOffset(name),
        () => store.appendUpload(name, 0, chunks(CONTENT), 1e9),
        () => store.discardUpload(name),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      }
    },
  );
});

describe('opening the store again', () => {
  it('removes what dead processes left, keeps objects and fresh uploads', async () => {
    await store.put(chunks(CONTENT));
    const [old, fresh] = [randomUUID(), randomUUID()];
    await store.appendUpload(fresh, 0, chunks(CONTENT), CONTENT.length);
    await writeFile(join(root, 'partial', old), 'half');
    await writeFile(join(root, 'uploads', old), 'half');
    const daysAgo = new Date(Date.now() - 2 * 24 * 3600 * 1000);
    for (const folder of ['partial', 'uploads']) await utimes(join(root, folder, old), daysAgo, daysAgo);
    store = await FolderStore.open(root);
    expect(await leftovers()).toEqual([fresh]);
    expect(await store.stat(announced.sha256)).toEqual(announced);
  });
});
