import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpeg, scratchFolder, source } from '../test/clips.js';
import { packMatte, type PlateInfo, probePlate, readFrames, requireMatteFits } from './index.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let plate: PlateInfo;
beforeAll(async () => {
  folder = await scratchFolder();
  plate = await clip('plate.mp4', {});
});
afterAll(() => folder.remove());

async function clip(name: string, options: Parameters<typeof source>[0], ...coding: string[]): Promise<PlateInfo> {
  const path = join(folder.path, name);
  await ffmpeg(source({ frames: 6, ...options }), coding.length > 0 ? coding : ['-c:v', 'libx264', '-qp', '0'], path);
  return probePlate(path);
}

/** Grey pictures that say their number in every sample. */
async function pictures(
  name: string,
  values: readonly number[],
  format: 'gray' | 'gray16be' | 'rgba',
  size = '160x120',
) {
  const [folderPath, [width = 0, height = 0]] = [join(folder.path, name), size.split('x').map(Number)];
  await mkdir(folderPath);
  const paths: string[] = [];
  for (const [index, value] of values.entries()) {
    const path = join(folderPath, `matte.${index}.png`);
    const raw = join(folderPath, 'raw');
    const bytes = Buffer.alloc(width * height * { gray: 1, gray16be: 2, rgba: 4 }[format]);
    for (let at = 0; at < bytes.length; at += format === 'gray16be' ? 2 : 1) {
      if (format === 'gray16be') bytes.writeUInt16BE(value, at);
      else bytes[at] = value;
    }
    await writeFile(raw, bytes);
    await ffmpeg('-f', 'rawvideo', '-pix_fmt', format, '-video_size', size, '-i', raw, '-frames:v', '1', path);
    paths.push(path);
  }
  return paths;
}

describe('a matte fits', () => {
  it('a plate of its frames, size and rate, whatever its codec and depth', async () => {
    requireMatteFits(plate, plate);
    requireMatteFits(await clip('grey.mov', { format: 'yuv422p10le' }, '-c:v', 'prores_ks'), plate);
  });

  it.each([
    ['frames', { frames: 7 }, '7', '6'],
    ['size', { size: '160x122' }, '160x122', '160x120'],
    ['rate', { rate: '24' }, '24/1', '24000/1001'],
  ])('no plate of another number of %s', async (what, options, found, wanted) => {
    const matte = await clip(`other-${what}.mp4`, options);
    expect(() => requireMatteFits(matte, plate)).toThrow(
      expect.objectContaining({
        code: 'MATTE_MISMATCH',
        message: expect.stringContaining(`${what} is ${found}, the plate's ${wanted}`),
      }),
    );
  });

  it('no plate where its alpha would be lost', async () => {
    const matte = await clip('alpha.mov', { format: 'argb' }, '-c:v', 'qtrle');
    expect(() => requireMatteFits(matte, plate)).toThrow(/alpha/);
  });
});

describe('a sequence of pictures', () => {
  async function packed(name: string, paths: readonly string[]): Promise<{ info: PlateInfo; values: number[] }> {
    const path = join(folder.path, `${name}.mp4`);
    await packMatte({ paths, width: 160, height: 120, rate: { num: 24000, den: 1001 }, path });
    const info = await probePlate(path);
    const values: number[] = [];
    for await (const { frame } of readFrames({ path, plate: info, startFrame: 0, endFrame: info.frameCount })) {
      const [first] = frame.planes[0].samples;
      expect(new Set(frame.planes[0].samples)).toEqual(new Set([first]));
      values.push(first ?? -1);
    }
    return { info, values };
  }

  it('becomes one clip with their very numbers', async () => {
    const paths = await pictures('eight', [0, 1, 127, 128, 254, 255], 'gray');
    const { info, values } = await packed('eight', paths);
    expect(values).toEqual([0, 1, 127, 128, 254, 255]);
    requireMatteFits(info, plate);
  });

  it('of 16 bits keeps ten, black and white among them', async () => {
    const paths = await pictures('sixteen', [0, 64 * 3, 64 * 512, 64 * 1023, 65535, 0], 'gray16be');
    const { info, values } = await packed('sixteen', paths);
    expect(info.video.format).toBe('gbrp10le');
    expect(values).toEqual([0, 3, 512, 1023, 1023, 0]);
  });

  it.each([
    ['of another size', 'gray', '158x120', 'MATTE_MISMATCH'],
    ['with alpha', 'rgba', '160x120', 'MATTE_MISMATCH'],
  ] as const)('%s is refused by name', async (name, format, size, code) => {
    const paths = await pictures(name, [9], format, size);
    const good = await pictures(`good before ${name}`, [9], 'gray');
    await expect(packed(name, [...good, ...paths])).rejects.toMatchObject({ code, details: { path: paths[0] } });
  });

  it('that cannot be decoded is refused by name and leaves no clip', async () => {
    const paths = await pictures('broken', [9, 8], 'gray');
    const bytes = await readFile(paths[1]!);
    await writeFile(paths[1]!, bytes.subarray(0, 40));
    await expect(packed('broken', paths)).rejects.toMatchObject({ details: { path: paths[1] } });
    await expect(readFile(join(folder.path, 'broken.mp4'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
