import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateFrame, type FrameSpec } from '@understudy/frame';
import { ffmpeg, scratchFolder, source } from '../test/clips.js';
import { encodePng, extractStill, fitWithin } from './picture.js';
import { probePlate } from './probe-plate.js';
import { readFrames } from './read-frames.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder.remove());

/** The red, green and blue of the first sample of a PNG, read back. */
async function firstColour(png: Buffer): Promise<number[]> {
  const path = join(folder.path, 'back.png');
  await writeFile(path, png);
  const plate = await probePlate(path);
  for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame: 1 })) {
    const [g, b, r] = frame.planes;
    return [r, g, b].map((plane) => (plane as { samples: ArrayLike<number> }).samples[0] as number);
  }
  return [];
}

describe('encodePng', () => {
  it.each([
    // Pure red in each convention, from the definitions of BT.601 and BT.709.
    [{ matrix: 'bt601', range: 'tv' }, [81, 90, 240]],
    [{ matrix: 'bt709', range: 'tv' }, [63, 102, 240]],
    [{ matrix: 'bt601', range: 'pc' }, [76, 85, 255]],
  ] as const)('%j', async (colour, [y, u, v]) => {
    const spec: FrameSpec = { width: 32, height: 32, format: 'yuv420p', ...colour };
    const frame = allocateFrame(spec);
    [y, u, v].forEach((value, n) => frame.planes[n]?.samples.fill(value));
    const [red = 0, green = 0, blue = 0] = await firstColour(await encodePng(frame));
    expect(red).toBeGreaterThan(251);
    expect(green).toBeLessThan(4);
    expect(blue).toBeLessThan(4);
  });

  it('keeps RGB samples exactly', async () => {
    const frame = allocateFrame({ width: 16, height: 16, format: 'gbrp', matrix: 'gbr', range: 'pc' });
    [10, 200, 133].forEach((value, n) => frame.planes[n]?.samples.fill(value));
    expect(await firstColour(await encodePng(frame))).toEqual([133, 10, 200]);
  });
});

describe('extractStill', () => {
  it('takes the very frame asked for, scaled on request', async () => {
    const path = join(folder.path, 'clip.mp4');
    // Frame n is grey of brightness 5 n.
    await ffmpeg(
      ...source({ frames: 20, filter: 'geq=lum=5*N+16:cb=128:cr=128' }),
      '-c:v',
      'libx264',
      '-qp',
      '0',
      '-g',
      '7',
      path,
    );
    const plate = await probePlate(path);
    const grey = (5 * 13 * 255) / 219;
    expect((await firstColour(await extractStill({ path, plate, frameNumber: 13 })))[0]).toBeCloseTo(grey, -0.5);
    const small = await extractStill({ path, plate, frameNumber: 0, longestSide: 80 });
    expect([small.readUInt32BE(16), small.readUInt32BE(20)]).toEqual([80, 60]);
  });

  it('fits sizes without enlarging', () => {
    expect(fitWithin({ width: 1920, height: 1080 }, 640)).toEqual({ width: 640, height: 360 });
    expect(fitWithin({ width: 480, height: 908 }, 300)).toEqual({ width: 158, height: 300 });
    expect(fitWithin({ width: 64, height: 33 }, 640)).toEqual({ width: 64, height: 33 });
  });
});
