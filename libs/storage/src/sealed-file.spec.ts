import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SealedFile, writeSealed } from './sealed-file.js';
import { CHUNK_BYTES, HEADER_BYTES, plainBytes, SEALED_CHUNK_BYTES, sealedBytes } from './sealed-format.js';

const key = { projectId: randomUUID(), dataKey: randomBytes(32) };
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sealed-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function seal(content: Uint8Array, size = 70_000): Promise<{ path: string; sha256: string }> {
  const path = join(dir, randomUUID());
  const file = await open(path, 'wx');
  const { sha256 } = await writeSealed(file, key, pieces(content, size));
  await file.close();
  return { path, sha256 };
}

async function openAll(path: string, sha256: string, of = key): Promise<Buffer> {
  const file = await SealedFile.open(path, sha256, of);
  return await buffer(file.stream({ start: 0, end: file.bytes }));
}

/** Around the borders of chunks, and of what is read at a time. */
const nearBorder = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 16, 17), fc.integer({ min: -17, max: 17 }))
  .map(([chunks, by]) => Math.max(0, chunks * CHUNK_BYTES + by));

describe('a sealed file', () => {
  it('gives back what was sealed, from any byte to any other, however it came', async () => {
    const range = fc.tuple(nearBorder, nearBorder);
    await fc.assert(
      fc.asyncProperty(nearBorder, fc.integer({ min: 1000, max: 200_000 }), range, async (bytes, size, [a, b]) => {
        const content = randomBytes(bytes);
        const { path, sha256 } = await seal(content, size);
        expect(sha256).toBe(createHash('sha256').update(content).digest('hex'));
        const file = await SealedFile.open(path, sha256, key);
        expect(file.bytes).toBe(bytes);
        const [start, end] = [Math.min(a, b, bytes), Math.min(Math.max(a, b), bytes)];
        expect((await buffer(file.stream({ start, end }))).equals(content.subarray(start, end))).toBe(true);
        expect((await openAll(path, sha256)).equals(content)).toBe(true);
        await rm(path);
      }),
      { numRuns: 60 },
    );
  });

  it('has a length that tells the content’s, and no other has', () => {
    fc.assert(
      fc.property(fc.oneof(nearBorder, fc.integer({ min: 0, max: 2 ** 40 })), (bytes) => {
        expect(plainBytes(sealedBytes(bytes))).toBe(bytes);
      }),
    );
    const lengths = new Set(Array.from({ length: 40 }, (_, bytes) => sealedBytes(bytes)));
    for (let length = 0; length < HEADER_BYTES + 40; length += 1) {
      expect(plainBytes(length) !== null).toBe(lengths.has(length));
    }
  });

  it('looks like nothing, and never the same', async () => {
    const content = Buffer.alloc(3 * CHUNK_BYTES, 'a face ');
    const [one, other] = [await seal(content), await seal(content)];
    const [first, second] = [await readFile(one.path), await readFile(other.path)];
    expect(first.includes('a face')).toBe(false);
    expect(first.subarray(HEADER_BYTES).equals(second.subarray(HEADER_BYTES))).toBe(false);
    const [start, next] = [HEADER_BYTES, HEADER_BYTES + SEALED_CHUNK_BYTES];
    expect(first.subarray(start, start + 1000).equals(first.subarray(next, next + 1000))).toBe(false);
  });
});

describe('a sealed file that was tampered with does not open', () => {
  const content = randomBytes(3 * CHUNK_BYTES + 1000);
  let sealed: Buffer;
  let sha256: string;
  beforeAll(async () => {
    const made = await seal(content);
    sha256 = made.sha256;
    sealed = await readFile(made.path);
  });
  const chunk = (bytes: Buffer, n: number): Buffer =>
    bytes.subarray(HEADER_BYTES + n * SEALED_CHUNK_BYTES, HEADER_BYTES + (n + 1) * SEALED_CHUNK_BYTES);
  const head = (bytes: Buffer): Buffer => bytes.subarray(0, HEADER_BYTES);
  const refused = async (bytes: Buffer): Promise<void> => {
    const path = join(dir, randomUUID());
    await writeFile(path, bytes);
    await expect(openAll(path, sha256)).rejects.toMatchObject({ code: 'INTERNAL' });
    await rm(path);
  };

  it('whichever bit of header, chunk or tag it is', async () => {
    const places = [...Array.from({ length: HEADER_BYTES }, (_, at) => at)];
    for (let n = 0; n < 4; n += 1) {
      const at = HEADER_BYTES + n * SEALED_CHUNK_BYTES;
      places.push(at, at + 500, Math.min(at + SEALED_CHUNK_BYTES, sealed.length) - 1);
    }
    for (const at of places) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1 << (at % 8);
      await refused(changed);
    }
  });

  it('cut at a border of chunks, within one, within the header, or made longer', async () => {
    for (const n of [0, 1, 3]) await refused(sealed.subarray(0, HEADER_BYTES + n * SEALED_CHUNK_BYTES));
    for (const length of [0, 10, HEADER_BYTES + 5, sealed.length - 1]) await refused(sealed.subarray(0, length));
    await refused(Buffer.concat([sealed, Buffer.alloc(1)]));
    await refused(Buffer.concat([sealed, chunk(sealed, 3)]));
  });

  it('with chunks in another order, twice, or of another file of the same key', async () => {
    const [first, second, third, last] = [0, 1, 2, 3].map((n) => chunk(sealed, n)) as [Buffer, Buffer, Buffer, Buffer];
    await refused(Buffer.concat([head(sealed), second, first, third, last]));
    await refused(Buffer.concat([head(sealed), first, first, third, last]));
    const other = await readFile((await seal(content)).path);
    await refused(Buffer.concat([head(sealed), first, chunk(other, 1), third, last]));
    await refused(Buffer.concat([head(other), first, second, third, last]));
  });

  it('under another key, in another project, or under another name', async () => {
    const path = join(dir, randomUUID());
    await writeFile(path, sealed);
    const code = { code: 'INTERNAL' };
    await expect(openAll(path, sha256, { ...key, dataKey: randomBytes(32) })).rejects.toMatchObject(code);
    await expect(openAll(path, sha256, { ...key, projectId: randomUUID() })).rejects.toMatchObject(code);
    await expect(openAll(path, '1'.repeat(64))).rejects.toMatchObject(code);
    expect((await openAll(path, sha256)).equals(content)).toBe(true);
  });
});
