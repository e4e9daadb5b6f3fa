import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LockedBucket } from '@understudy/storage';
import { anchorName, MerkleAccumulator, readOutside, signCheckpoint } from '@understudy/tlog';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Anchored, Growth } from '../../apps/coordinator/src/audit/anchor-store.js';
import { BucketAnchors } from '../../apps/coordinator/src/audit/bucket-anchors.js';
import { FakeBucket } from './fake-bucket.js';

const { privateKey } = generateKeyPairSync('ed25519');
const hashOf = (index: number): Buffer => createHash('sha256').update(`leaf ${index}`).digest();
const NOTHING: Anchored = { head: null, restores: 0 };

let server: FakeBucket;
let anchors: BucketAnchors;
beforeEach(async () => {
  server = await FakeBucket.start();
  const { endpoint, name: bucket } = server;
  const options = { endpoint, bucket, region: FakeBucket.region, ...FakeBucket.credentials, retentionDays: 1 };
  anchors = new BucketAnchors(new LockedBucket(options), 'log/', 10);
});
afterEach(() => server.stop());

const noteOf = (size: number): string => {
  const tree = new MerkleAccumulator();
  for (let index = 0; index < size; index += 1) tree.append(hashOf(index));
  return signCheckpoint({ origin: 'log.example', size, root: tree.root() }, privateKey);
};
const growthTo = (size: number, chunk = 1000): Growth => ({
  size,
  note: noteOf(size),
  async *leavesFrom(index) {
    for (let at = index; at < size; at += chunk) {
      yield Buffer.concat(Array.from({ length: Math.min(chunk, size - at) }, (_, more) => hashOf(at + more)));
    }
  },
});

async function leavesOutside(): Promise<Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'downloaded-'));
  for (const key of server.keys) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), server.original(key));
  }
  const found: Buffer[] = [];
  for await (const hash of (await readOutside(join(folder, 'log'))).leaves()) found.push(Buffer.from(hash));
  await rm(folder, { recursive: true, force: true });
  return found;
}

describe('anchors in a bucket', () => {
  it('are nothing in an empty bucket, and then the newest checkpoint', async () => {
    expect(await anchors.look(0)).toEqual(NOTHING);
    expect(await anchors.look(500)).toEqual(NOTHING);
    await anchors.grow(NOTHING, growthTo(3));
    await anchors.grow(await anchors.look(3), growthTo(7));
    expect((await anchors.look(7)).head?.size).toBe(7);
    expect(await leavesOutside()).toEqual(Array.from({ length: 7 }, (_, index) => hashOf(index)));
  });

  it('are found from a log of any length, and of many by few requests', async () => {
    for (let size = 1; size <= 300; size += 1)
      server.write(`log/checkpoints/${anchorName(size)}`, Buffer.from(noteOf(size)));
    for (const near of [0, 1, 299, 300, 301, 5_000, 10_000_000]) {
      expect((await anchors.look(near)).head?.size, String(near)).toBe(300);
    }
    server.pageSize = 20;
    server.requests.length = 0;
    await anchors.look(300);
    await anchors.look(310);
    expect(server.requests.length).toBeLessThan(10);
  });

  it('go on where an addition broke off between its leaves and its checkpoint', async () => {
    await anchors.grow(NOTHING, growthTo(4));
    server.write(`log/leaves/${anchorName(4)}-${anchorName(6)}`, Buffer.concat([4, 5].map(hashOf)));
    const broken = await anchors.look(4);
    expect(broken.head?.size).toBe(4);
    await anchors.grow(broken, growthTo(6));
    server.write(`log/leaves/${anchorName(6)}-${anchorName(8)}`, Buffer.concat([6, 7].map(hashOf)));
    await anchors.grow(await anchors.look(6), growthTo(9));
    expect(await leavesOutside()).toEqual(Array.from({ length: 9 }, (_, index) => hashOf(index)));
  });

  it('take many leaves in objects of bounded size', async () => {
    await anchors.grow(NOTHING, growthTo(140_000, 8_192));
    const sizes = server.keys.filter((key) => key.includes('/leaves/')).map((key) => server.original(key).length / 32);
    expect(sizes).toEqual([65_536, 65_536, 140_000 - 2 * 65_536]);
    expect((await anchors.look(140_000)).head?.size).toBe(140_000);
    const hashes = await leavesOutside();
    expect(hashes).toHaveLength(140_000);
    expect(hashes.at(-1)).toEqual(hashOf(139_999));
  });

  it('are not taken from what has another name, nor from what is not what its name says', async () => {
    await anchors.grow(NOTHING, growthTo(4));
    for (const name of [
      'checkpoints/readme',
      'checkpoints/00000000000000009',
      'checkpoint',
      'leaves/9999999999999999',
    ]) {
      server.write(`log/${name}`, Buffer.from('of somebody else'));
    }
    expect((await anchors.look(4)).head?.size).toBe(4);
    server.write(`log/checkpoints/${anchorName(5)}`, Buffer.from(noteOf(3)));
    await expect(anchors.look(4)).rejects.toMatchObject({ code: 'BUCKET_UNAVAILABLE' });
  });

  it('begin anew beside what was there', async () => {
    await anchors.grow(NOTHING, growthTo(6));
    const { head } = await anchors.look(6);
    for (const restores of [1, 2]) {
      await anchors.beginAnew(restores, head!);
      // Of two coordinators that do it at once the second finds it done.
      await anchors.beginAnew(restores, head!);
      expect(await anchors.look(2)).toEqual({ head: null, restores });
      await anchors.grow({ head: null, restores }, growthTo(2));
      expect(await anchors.look(2)).toMatchObject({ head: { size: 2 }, restores });
    }
    expect(server.keys.filter((key) => key.startsWith('log/checkpoints/'))).toHaveLength(1);
  });
});
