import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateFrame, PIXEL_FORMATS, wrapFrame, type Frame, type FrameSpec } from '@understudy/frame';
import { ffmpeg, scratchFolder, source } from '../test/clips.js';
import { openClipWriter } from './clip-writer.js';
import { frameHash, frameHashes } from './frame-hash.js';
import { joinSegments } from './join-segments.js';
import { frameSpec, type PlateInfo } from './plate-info.js';
import { probePlate } from './probe-plate.js';
import { readFrames } from './read-frames.js';
import { openSegmentWriter } from './segment-writer.js';
import { verifySegment } from './verify-segment.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let path: string;
let plate: PlateInfo;
const at = (name: string) => join(folder.path, name);
beforeAll(async () => {
  folder = await scratchFolder();
  path = at('plate.mp4');
  await ffmpeg(...source({ frames: 12 }), '-c:v', 'libx264', '-preset', 'veryfast', '-g', '5', path);
  plate = await probePlate(path);
});
afterAll(() => folder.remove());

/** A plate of any format, as if it had been probed. */
function plateOf(spec: FrameSpec, tags: Partial<PlateInfo['video']['tags']> = {}): PlateInfo {
  const { width, height, format, matrix, range } = spec;
  const video = {
    ...plate.video,
    width,
    height,
    format,
    colour: { matrix, range },
    tags: { ...plate.video.tags, ...tags },
  };
  return { ...plate, video };
}

function noiseFrame(spec: FrameSpec, seed: number): Frame {
  const frame = allocateFrame(spec);
  let state = seed * 2654435761;
  const mask = spec.format.endsWith('10le') ? 1023 : 255;
  for (const { samples } of frame.planes) {
    for (let n = 0; n < samples.length; n++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      samples[n] = (state >>> 16) & mask;
    }
  }
  return frame;
}

async function writeSegment(
  name: string,
  of: PlateInfo,
  frames: readonly Frame[],
  mode: 'lossless' | 'delivery' = 'lossless',
) {
  const encoding = mode === 'lossless' ? { mode } : { mode, crf: 18, preset: 'veryfast' };
  const writer = await openSegmentWriter({ path: at(name), plate: of, encoding });
  for (const frame of frames) await writer.write(frame);
  return writer.finish();
}

async function clipFrames(): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame: 12 })) frames.push(frame);
  return frames;
}

describe('lossless segments decode to the very samples written', () => {
  const cases = PIXEL_FORMATS.flatMap((format) => (['tv', 'pc'] as const).map((range) => [format, range] as const));
  it.each(cases.filter(([format, range]) => range === 'pc' || !format.startsWith('gbr')))(
    '%s, range %s',
    async (format, range) => {
      const rgb = format.startsWith('gbr');
      const spec: FrameSpec = { width: 64, height: 48, format, range, matrix: rgb ? 'gbr' : 'bt709' };
      const of = plateOf(spec, { range, matrix: rgb ? null : 'bt709', primaries: 'bt709', transfer: 'bt709' });
      const frames = [1, 2, 3, 4].map((seed) => noiseFrame(spec, seed));
      const name = `${format}-${range}.mp4`;
      const { frameHashes: written } = await writeSegment(name, of, frames);
      expect(written).toEqual(frames.map(({ bytes }) => frameHash(bytes)));
      await verifySegment(at(name), { plate: of, frames: 4, frameHashes: written });
    },
  );
});

describe('openSegmentWriter', () => {
  it('gives the same bytes for the same frames', async () => {
    const frames = await clipFrames();
    const first = await writeSegment('same-1.mp4', plate, frames, 'delivery');
    const second = await writeSegment('same-2.mp4', plate, frames, 'delivery');
    expect(second).toEqual(first);
    expect((await readFile(at('same-1.mp4'))).includes('Lavf')).toBe(false);
  });

  it('lets a frame be used again once it is written', async () => {
    const spec = frameSpec(plate);
    const buffer = new Uint8Array(noiseFrame(spec, 0).bytes.length);
    const writer = await openSegmentWriter({ path: at('reused.mp4'), plate, encoding: { mode: 'lossless' } });
    const expected: string[] = [];
    for (const seed of [1, 2, 3]) {
      buffer.set(noiseFrame(spec, seed).bytes);
      expected.push(frameHash(buffer));
      await writer.write(wrapFrame(spec, buffer));
    }
    buffer.fill(0);
    await writer.finish();
    expect(await frameHashes(at('reused.mp4'))).toEqual(expected);
  });

  it('leaves nothing behind when abandoned, cancelled or misused', async () => {
    await mkdir(at('clean'));
    const abort = new AbortController();
    const options = { path: at('clean/segment.mp4'), plate, encoding: { mode: 'lossless' as const } };
    const writer = await openSegmentWriter({ ...options, signal: abort.signal });
    const [frame] = await clipFrames();
    await writer.write(frame as Frame);
    await expect(writer.write(allocateFrame({ ...frameSpec(plate), width: 32 }))).rejects.toThrow(RangeError);
    abort.abort(new Error('enough'));
    await expect(writer.finish()).rejects.toMatchObject({ code: 'CANCELLED' });
    const abandoned = await openSegmentWriter(options);
    await abandoned.write(frame as Frame);
    await abandoned.abandon();
    expect(await readdir(at('clean'))).toEqual([]);
    await expect(openSegmentWriter({ ...options, path: at('none/segment.mp4') })).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
    await expect(openSegmentWriter({ ...options, path: at('clean') })).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
  });
});

describe('verifySegment', () => {
  it('finds what is wrong with a segment', async () => {
    const { frameHashes: hashes } = await writeSegment('good.mp4', plate, await clipFrames());
    const good = at('good.mp4');
    const reasons: [string, Parameters<typeof verifySegment>[1]][] = [
      ['another number of frames', { plate, frames: 11 }],
      ['other samples', { plate, frames: 12, frameHashes: [...hashes].reverse() }],
      ['does not look like the plate', { plate: plateOf({ ...frameSpec(plate), height: 96 }), frames: 12 }],
      ['does not look like the plate', { plate: plateOf(frameSpec(plate), { transfer: 'smpte2084' }), frames: 12 }],
      ['another clock', { plate: { ...plate, video: { ...plate.video, rate: { num: 23, den: 1 } } }, frames: 12 }],
    ];
    for (const [reason, expectation] of reasons) {
      await expect(verifySegment(good, expectation)).rejects.toMatchObject({
        code: 'SEGMENT_INVALID',
        message: expect.stringContaining(reason) as string,
      });
    }
    const uneven = at('uneven.mp4');
    await ffmpeg(
      '-i',
      good,
      '-c',
      'copy',
      '-bsf:v',
      'setts=ts=TS+gt(N\\,5)*7',
      '-video_track_timescale',
      '24000',
      uneven,
    );
    await expect(verifySegment(uneven, { plate, frames: 12 })).rejects.toThrow('a timestamp of the segment is off');
    await expect(verifySegment(at('nowhere.mp4'), { plate, frames: 12 })).rejects.toMatchObject({
      code: 'SEGMENT_INVALID',
    });
  });
});

describe('openClipWriter', () => {
  it('writes drawn frames with sound, tagged as drawn', async () => {
    const wavPath = at('sound.wav');
    await ffmpeg('-f', 'lavfi', '-i', 'sine=duration=0.4:sample_rate=48000', wavPath);
    const spec: FrameSpec = { width: 64, height: 48, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
    const rate = { num: 25, den: 1 };
    const writer = await openClipWriter({
      path: at('drawn.mp4'),
      spec,
      rate,
      encoding: { mode: 'delivery', crf: 20 },
      wavPath,
    });
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) await writer.write(noiseFrame(spec, seed));
    expect(await writer.finish()).toEqual({ frames: 10 });
    expect(await probePlate(at('drawn.mp4'))).toMatchObject({
      frameCount: 10,
      frames: { kind: 'constant', firstPts: 0 },
      video: { rate, guessed: [], tags: { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', range: 'tv' } },
      audio: [{ codec: 'aac', startPts: 0 }],
    });
  });
});

/** A mounted file system of half a megabyte, where the tests may mount one. */
function smallDisk(mountPoint: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mountPoint], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  it('is named, and leaves nothing half-written', async (context) => {
    const disk = at('disk');
    await mkdir(disk);
    if (!smallDisk(disk)) return context.skip('mounting a small file system is not allowed here');
    try {
      const spec: FrameSpec = { width: 320, height: 240, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
      const writer = await openSegmentWriter({
        path: join(disk, 's.mp4'),
        plate: plateOf(spec),
        encoding: { mode: 'lossless' },
      });
      const write = async () => {
        for (let seed = 1; seed <= 40; seed++) await writer.write(noiseFrame(spec, seed));
        await writer.finish();
      };
      await expect(write()).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(await readdir(disk)).toEqual([]);
      const frames = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((seed) => noiseFrame(spec, seed));
      await writeSegment('big.mp4', plateOf(spec), frames);
      await copyFile(path, at('plate-copy.mp4'));
      const request = { segments: [at('big.mp4')], plate: plateOf(spec), platePath: at('plate-copy.mp4') };
      await expect(joinSegments({ ...request, output: join(disk, 'out.mp4') })).rejects.toMatchObject({
        code: 'DISK_FULL',
      });
      expect(await readdir(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
