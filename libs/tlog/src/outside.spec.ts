import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signCheckpoint } from './checkpoint.js';
import { leafHash, merkleRoot } from './merkle.js';
import { anchorName, type Outside, readOutside } from './outside.js';

const { privateKey } = generateKeyPairSync('ed25519');
const hashes = Array.from({ length: 9 }, (_, at) => Buffer.from(leafHash(Buffer.from(`event ${at}`))));
const note = (size: number): string =>
  signCheckpoint({ origin: 'log.example', size, root: merkleRoot(hashes.slice(0, size)) }, privateKey);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'outside-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** As a client of S3 leaves a bucket of anchors on a disk. */
async function downloaded(name: string, sizes: number[], ranges: (readonly [number, number])[]): Promise<string> {
  const path = join(root, name);
  for (const folder of ['checkpoints', 'leaves']) await mkdir(join(path, folder), { recursive: true });
  for (const size of sizes) await writeFile(join(path, 'checkpoints', anchorName(size)), note(size));
  for (const [start, end] of ranges) {
    const file = join(path, 'leaves', `${anchorName(start)}-${anchorName(end)}`);
    await writeFile(file, Buffer.concat(hashes.slice(start, end)));
  }
  return path;
}

async function leavesOf(outside: Outside): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const hash of outside.leaves()) found.push(Buffer.from(hash));
  return found;
}

describe('what was kept outside', () => {
  it('reads alike from the files of a folder and from the objects of a bucket', async () => {
    const folder = join(root, 'folder');
    await mkdir(folder);
    await writeFile(join(folder, 'checkpoints'), note(4) + note(9));
    await writeFile(join(folder, 'leaves'), Buffer.concat(hashes));
    const bucket = await downloaded('bucket', [9, 4], [[4, 9], [0, 4]]); // prettier-ignore
    for (const path of [folder, bucket]) {
      const outside = await readOutside(path);
      expect(outside.checkpoints.map(({ size }) => size)).toEqual([4, 9]);
      expect(await leavesOf(outside)).toEqual(hashes);
    }
  });

  it('takes each leaf once where an addition broke off, and none behind a gap', async () => {
    const overlapping = await downloaded('overlapping', [9], [[0, 3], [0, 6], [2, 5], [6, 9]]); // prettier-ignore
    expect(await leavesOf(await readOutside(overlapping))).toEqual(hashes);
    const gap = await downloaded('gap', [9], [[0, 3], [4, 9]]); // prettier-ignore
    expect(await leavesOf(await readOutside(gap))).toEqual(hashes.slice(0, 3));
  });

  it('counts from the newest anchors after a restored database, and gives those before as checkpoints alone', async () => {
    const path = await downloaded('restored', [9], [[0, 9]]);
    await downloaded(join('restored', 'restored-1'), [5], [[0, 5]]);
    expect((await readOutside(path)).checkpoints.map(({ size }) => size)).toEqual([5]);
    const before = await readOutside(join(path, 'checkpoints'));
    expect(before.checkpoints.map(({ size }) => size)).toEqual([9]);
    expect(await leavesOf(before)).toEqual([]);
  });

  it('is refused where there is none', async () => {
    await expect(readOutside(await downloaded('empty', [], []))).rejects.toThrow(/no checkpoint/);
    await expect(readOutside(join(root, 'nowhere'))).rejects.toThrow(/ENOENT/);
  });
});
