import { access, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ObjectRef } from '@understudy/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ObjectCache } from './object-cache.js';

const ref = (digit: string, bytes: number): ObjectRef => ({
  sha256: digit.repeat(64),
  bytes,
  mediaType: 'video/mp4',
  url: `/api/v1/objects/${digit}`,
});
const [plate, portrait, other] = [ref('a', 60), ref('b', 30), ref('c', 40)];

let folder: string;
let downloads: string[];
let cache: ObjectCache;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-cache-'));
  downloads = [];
  cache = new ObjectCache(join(folder, 'cache'), 100, async ({ sha256, bytes }, path) => {
    downloads.push(sha256[0]!);
    await writeFile(path, Buffer.alloc(bytes), { mode: 0o600 });
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('object cache', () => {
  it('downloads once for lanes that ask at the same time and one after another', async () => {
    const paths = await Promise.all([cache.acquire(plate, 'lane-0'), cache.acquire(plate, 'lane-1')]);
    paths.push(await cache.acquire(plate, 'lane-0'));
    expect(new Set(paths).size).toBe(1);
    expect(downloads).toEqual(['a']);
    expect((await readFile(paths[0]!)).length).toBe(60);
  });

  it('lets the user who decodes read what it is handed, and find nothing by itself', async () => {
    const path = await cache.acquire(plate, 'lane-0');
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect((await stat(join(folder, 'cache'))).mode & 0o777).toBe(0o700);
  });

  it('makes room by what was unused for longest, and never goes beyond its bound', async () => {
    const first = await cache.acquire(plate, 'lane-0');
    await cache.acquire(portrait, 'lane-0');
    cache.release(plate.sha256, 'lane-0');
    cache.release(portrait.sha256, 'lane-0');
    await cache.acquire(other, 'lane-0');
    expect(cache.bytes).toBe(70);
    await expect(access(first)).rejects.toThrow();
    await cache.acquire(portrait, 'lane-0');
    expect(downloads).toEqual(['a', 'b', 'c']);
  });

  it('refuses rather than take away what a lane holds', async () => {
    await cache.acquire(plate, 'lane-0');
    await cache.acquire(portrait, 'lane-1');
    await expect(cache.acquire(other, 'lane-1')).rejects.toMatchObject({ code: 'DISK_FULL' });
    cache.releaseAll('lane-0');
    await cache.acquire(other, 'lane-1');
    expect(cache.bytes).toBe(70);
  });

  it('holds as often as it was asked', async () => {
    await cache.acquire(plate, 'lane-0');
    await cache.acquire(plate, 'lane-0');
    cache.release(plate.sha256, 'lane-0');
    await expect(cache.acquire(ref('d', 90), 'lane-1')).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it('tries again after a download that failed', async () => {
    let tries = 0;
    const flaky = new ObjectCache(folder, 100, async (_, path) => {
      tries += 1;
      if (tries === 1) throw new Error('cut');
      await writeFile(path, 'x');
    });
    const both = await Promise.allSettled([flaky.acquire(plate, 'lane-0'), flaky.acquire(plate, 'lane-1')]);
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    expect(await readFile(await flaky.acquire(plate, 'lane-0'), 'utf8')).toBe('x');
  });

  it('tells how much has come, and lets a download go on for whoever asks again', async () => {
    let arrive = (_bytes: number): void => undefined;
    let finish = (): void => undefined;
    let downloads = 0;
    const slow = new ObjectCache(folder, 100, async (_, path, _signal, onProgress) => {
      downloads += 1;
      arrive = onProgress;
      await new Promise<void>((resolve) => (finish = resolve));
      await writeFile(path, 'x');
    });
    void slow.acquire(plate, 'lane-0');
    await vi.waitUntil(() => downloads === 1);
    expect(slow.receivedBy('lane-0')).toBe(0);
    arrive(20);
    expect([slow.receivedBy('lane-0'), slow.receivedBy('lane-1')]).toEqual([20, 0]);
    // The lane lost its task, and the one beside it gets it.
    slow.release(plate.sha256, 'lane-0');
    const again = slow.acquire(plate, 'lane-1');
    arrive(50);
    expect(slow.receivedBy('lane-1')).toBe(50);
    finish();
    expect(await readFile(await again, 'utf8')).toBe('x');
    expect(downloads).toBe(1);
  });

  it('gives every download up when it is closed', async () => {
    const cut = new ObjectCache(folder, 100, (_, _path, signal) => {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    const waiting = expect(cut.acquire(plate, 'lane-0')).rejects.toThrow('aborted');
    await new Promise((resolve) => setTimeout(resolve, 20));
    cut.close();
    await waiting;
  });

  it('gives a download up when its last waiter is gone for a while, and can begin it anew', async () => {
    const signals: AbortSignal[] = [];
    const download: ConstructorParameters<typeof ObjectCache>[2] = (_, path, signal) => {
      signals.push(signal);
      if (signals.length > 1) return writeFile(path, 'x');
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    const slow = new ObjectCache(folder, 100, download, 30);
    const waiting = expect(slow.acquire(plate, 'lane-0')).rejects.toThrow('aborted');
    await vi.waitUntil(() => signals.length === 1);
    slow.release(plate.sha256, 'lane-0');
    await waiting;
    expect(signals[0]?.aborted).toBe(true);
    await slow.acquire(plate, 'lane-1');
    expect(await readdir(folder)).toHaveLength(1);
  });
});
