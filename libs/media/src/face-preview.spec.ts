import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpeg, scratchFolder, source } from '../test/clips.js';
import { extractFacePreview } from './face-preview.js';
import { type PlateInfo } from './plate-info.js';
import { probePlate } from './probe-plate.js';
import { readFrames } from './read-frames.js';

const SIDE = 320;
let folder: Awaited<ReturnType<typeof scratchFolder>>;
let path: string;
let plate: PlateInfo;
beforeAll(async () => {
  folder = await scratchFolder();
  path = join(folder.path, 'clip.mp4');
  // Bright to the left of x = 80, dark to the right of it; 160 x 120.
  const halves = 'geq=lum=if(lt(X\\,80)\\,235\\,16):cb=128:cr=128';
  await ffmpeg(...source({ frames: 3, filter: halves }), '-c:v', 'libx264', '-qp', '0', path);
  plate = await probePlate(path);
});
afterAll(() => folder.remove());

/** Green of a sample of a PNG, read back. */
async function picture(png: Buffer): Promise<{ width: number; height: number; at: (x: number, y: number) => number }> {
  const file = join(folder.path, 'back.png');
  await writeFile(file, png);
  const info = await probePlate(file);
  for await (const { frame } of readFrames({ path: file, plate: info, startFrame: 0, endFrame: 1 })) {
    const [green] = frame.planes;
    const { width, height } = info.video;
    return { width, height, at: (x, y) => green?.samples[y * width + x] ?? -1 };
  }
  throw new Error('no frame');
}

const preview = (cover: { x: number; y: number; width: number; height: number }[] = []) =>
  extractFacePreview({
    ...{ path, plate, frameNumber: 1, side: SIDE, marked: true, cover },
    crop: { x: 60, y: 20, width: 40, height: 40 },
  });

describe('a face preview', () => {
  it('shows the crop alone, scaled to a square', async () => {
    const { width, height, at } = await picture(await preview());
    expect([width, height]).toEqual([SIDE, SIDE]);
    // Frame x = 60..80 is bright, 80..100 dark.
    expect(at(80, 100)).toBeGreaterThan(240);
    expect(at(240, 100)).toBeLessThan(15);
  });

  it('is marked: an edge around it, a word over its foot', async () => {
    const { at } = await picture(await preview());
    // Orange has green 165.
    for (const [x, y] of [
      [1, 1],
      [SIDE - 2, 150],
      [160, SIDE - 2],
    ] as const)
      expect(at(x, y)).toBe(165);
    const foot = Array.from({ length: SIDE - 40 }, (_, n) => at(20 + n, SIDE - 48));
    const changes = foot.filter((value, n) => n > 0 && Math.abs(value - (foot[n - 1] ?? value)) > 60).length;
    expect(changes).toBeGreaterThan(8);
  });

  it('paints over what is to be covered', async () => {
    const { at } = await picture(await preview([{ x: 55, y: 10, width: 30, height: 100 }]));
    expect(at(80, 100)).toBe(128);
    expect(at(240, 100)).toBeLessThan(15);
  });

  it('refuses what lies outside of the frame', async () => {
    const outside = { path, plate, frameNumber: 0, side: SIDE, marked: true, cover: [] };
    const crop = { x: 500, y: 0, width: 10, height: 10 };
    await expect(extractFacePreview({ ...outside, crop })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });
});
