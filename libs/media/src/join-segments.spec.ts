import { access, copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpeg, scratchFolder, setDisplayMatrix, source, unevenCuts, writeSegments } from '../test/clips.js';
import type { Encoding } from './encoding.js';
import { decodedHash, hashOfFrameHashes } from './frame-hash.js';
import { joinSegments } from './join-segments.js';
import type { PlateInfo } from './plate-info.js';
import { probePlate } from './probe-plate.js';
import { verifyDelivery } from './verify-delivery.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder.remove());

const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '14'];
const AAC = ['-c:a', 'aac'];

const LOSSLESS: Encoding = { mode: 'lossless' };

interface Case {
  readonly file: string;
  readonly output: string;
  readonly make: (path: string) => Promise<void>;
  /** What the delivery must be, seen as a plate. */
  readonly delivered: (plate: PlateInfo) => unknown;
  readonly audio?: readonly string[];
  /** When the sound itself is first heard; coding it anew must not move it. */
  readonly soundStartsAtS?: number;
  readonly encoding?: Encoding;
  readonly cuts?: (frameCount: number) => number[];
}

/** One frame, two frames, the rest: the lengths where coding times start differently. */
const threeCuts = (frameCount: number) => [0, 1, 3, frameCount];

const CASES: Record<string, Case> = {
  'tagged picture, sound that starts later': {
    file: 'tagged.mp4',
    output: 'tagged-out.mp4',
    make: (path) =>
      ffmpeg(
        ...source({ soundAtS: 0.25, filter: 'setsar=404/405:max=1000' }),
        ...X264,
        ...AAC,
        ['-color_primaries', 'bt2020', '-color_trc', 'arib-std-b67', '-colorspace', 'bt2020nc', '-color_range', 'tv'],
        ['-metadata', 'title=A "title": with = and ;', path],
      ),
    audio: ['copy'],
    delivered: ({ video }) => ({
      frames: { kind: 'constant', firstPts: 0 },
      video: { tags: video.tags, sampleAspectRatio: { num: 404, den: 405 }, rate: { num: 24000, den: 1001 } },
    }),
  },
  'a transport stream': {
    file: 'stream.ts',
    output: 'stream-out.mp4',
    // With B-frames: coding times run before shown ones, and segments of one or two frames have none.
    encoding: { mode: 'delivery', crf: 20, preset: 'veryfast' },
    cuts: unevenCuts,
    make: (path) => ffmpeg(...source({ soundAtS: 0, rate: '30000/1001' }), ...X264, ...AAC, path),
    audio: ['copy'],
    delivered: () => ({ isConstantRate: true, video: { rate: { num: 30000, den: 1001 } } }),
  },
  'a clock of milliseconds': {
    file: 'ms.mkv',
    output: 'ms-out.mp4',
    make: (path) => ffmpeg(...source({ soundAtS: 0.5 }), ...X264, '-c:a', 'flac', path),
    audio: ['aac'],
    soundStartsAtS: 0.5,
    delivered: () => ({
      frames: { kind: 'constant', ticksPerFrame: 1001 },
      video: { rate: { num: 24000, den: 1001 } },
    }),
  },
  'a variable rate, with sound before the picture': {
    file: 'vfr.mp4',
    output: 'vfr-out.mov',
    make: (path) =>
      ffmpeg(
        ...source({ rate: '30', soundAtS: 0 }),
        [...X264, '-filter:v', "settb=1/90000,setpts='9000+N*3000+mod(N*N*37,5)*400'", '-fps_mode', 'passthrough'],
        ['-enc_time_base', '1/90000', '-video_track_timescale', '90000', ...AAC, path],
      ),
    audio: ['copy'],
    delivered: ({ frames }) => ({ isConstantRate: false, frames }),
  },
  'QuickTime: 10 bit 4:2:2, PCM, timecode': {
    file: 'pcm.mov',
    output: 'pcm-out.mov',
    make: (path) =>
      ffmpeg(
        ...source({ format: 'yuv422p10le', soundAtS: 0 }),
        '-c:v',
        'prores_ks',
        '-c:a',
        'pcm_s24le',
        '-timecode',
        '01:02:03:04',
        path,
      ),
    audio: ['copy'],
    delivered: () => ({ video: { format: 'yuv422p10le', timecode: '01:02:03:04' }, audio: [{ codec: 'pcm_s24le' }] }),
  },
  'QuickTime: 10 bit 4:2:2 of a size and rate that AVC-Intra has': {
    file: 'hd.mov',
    output: 'hd-out.mov',
    make: (path) =>
      ffmpeg(...source({ format: 'yuv422p10le', size: '1280x720', rate: '24', frames: 5 }), '-c:v', 'prores_ks', path),
    audio: [],
    delivered: () => ({ video: { sourceFormat: 'yuv422p10le', codec: 'h264' } }),
  },
  'a clip on its side, full range, to Matroska': {
    file: 'turned.mp4',
    output: 'turned-out.mkv',
    make: async (path) => {
      await ffmpeg(...source({ format: 'yuvj420p' }), ...X264, path);
      await setDisplayMatrix(path, [0, -1, 1, 0]);
    },
    audio: [],
    delivered: () => ({ video: { width: 120, height: 160, orientation: 'upright', colour: { range: 'pc' } } }),
  },
};

describe('uneven segments join to the plate', () => {
  it.each(Object.entries(CASES))(
    '%s',
    async (_name, { file, output, make, delivered, audio, soundStartsAtS, encoding = LOSSLESS, cuts = threeCuts }) => {
      const path = join(folder.path, file);
      await make(path);
      const plate = await probePlate(path);
      const segmentFolder = join(folder.path, `segments ${file}`);
      await mkdir(segmentFolder);
      const segments = await writeSegments({ path, plate, folder: segmentFolder, encoding }, cuts(plate.frameCount));
      const out = join(folder.path, output);
      const progress: number[] = [];
      const joined = await joinSegments({
        segments: segments.paths,
        plate,
        platePath: path,
        output: out,
        onProgress: (frames) => progress.push(frames),
      });
      expect(joined).toMatchObject({ frames: plate.frameCount, audio });
      expect(progress.at(-1)).toBe(plate.frameCount);
      const report = await verifyDelivery(out, { plate, segments: segments.paths });
      expect(report.frames).toBe(plate.frameCount);
      // Lossless: the joined frames are the very frames that were read from the plate.
      const lossless = encoding.mode === 'lossless';
      if (lossless) expect(report.decodedHash).toBe(hashOfFrameHashes(segments.hashes));
      if (lossless && plate.video.orientation === 'upright') expect(report.decodedHash).toBe(await decodedHash(path));
      if (soundStartsAtS !== undefined) expect(await soundOnsetS(out)).toBeCloseTo(soundStartsAtS, 2);
      expect(await probePlate(out)).toMatchObject(delivered(plate) as Record<string, unknown>);
    },
  );
});

describe('joinSegments', () => {
  let path: string;
  let plate: PlateInfo;
  let paths: string[];
  beforeAll(async () => {
    path = join(folder.path, 'plain.mp4');
    await ffmpeg(...source({ frames: 12, soundAtS: 0 }), ...X264, ...AAC, path);
    plate = await probePlate(path);
    const segmentFolder = join(folder.path, `it's a "folder" $(x) %d; é`);
    await mkdir(segmentFolder);
    ({ paths } = await writeSegments({ path, plate, folder: segmentFolder }, [0, 5, 12]));
  });
  const joinAs = (
    segments: readonly string[],
    name: string,
    request: Partial<Parameters<typeof joinSegments>[0]> = {},
  ) => joinSegments({ segments, plate, platePath: path, output: join(folder.path, name), ...request });

  it('takes names with quotes, blanks, percent signs and shell characters', async () => {
    const name = `-it's "$(touch x)" %03d; é.mp4`;
    await joinAs(paths, name);
    await verifyDelivery(join(folder.path, name), { plate, segments: paths });
  });

  it('refuses segments that do not add up or differ', async () => {
    await expect(joinAs(paths.slice(0, 1), 'short.mp4')).rejects.toMatchObject({ code: 'JOIN_MISMATCH' });
    const foreign = join(folder.path, 'foreign.mp4');
    await ffmpeg('-i', paths[1] as string, ...X264, '-qp', '0', foreign);
    const mixed = joinAs([paths[0] as string, foreign], 'mixed.mp4');
    await expect(mixed).rejects.toMatchObject({
      code: 'JOIN_MISMATCH',
      message: expect.stringContaining('different settings') as string,
    });
    const retagged = join(folder.path, 'retagged.mp4');
    await ffmpeg(
      '-i',
      paths[1] as string,
      '-c',
      'copy',
      '-bsf:v',
      'h264_metadata=matrix_coefficients=9:colour_primaries=9',
      retagged,
    );
    const wrong = joinAs([paths[0] as string, retagged], 'wrong.mp4');
    await expect(wrong).rejects.toMatchObject({ details: { differing: ['matrix', 'primaries'] } });
    for (const name of ['short.mp4', 'mixed.mp4', 'wrong.mp4']) {
      await expect(access(join(folder.path, name))).rejects.toThrow();
    }
  });

  it('leaves nothing behind when the output cannot be written or the work is cancelled', async () => {
    const unwritable = joinAs(paths, 'no/such/folder.mp4');
    await expect(unwritable).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    await expect(joinAs(paths, 'clip.gif')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    const abort = new AbortController();
    const cancelled = joinAs(paths, 'cancelled.mp4', { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    const left = (await readdir(folder.path)).filter((name) => name.startsWith('.') || name === 'cancelled.mp4');
    expect(left).toEqual([]);
  });

  it('finds a delivery with swapped, missing or shifted frames', async () => {
    const { paths: even } = await writeSegments({ path, plate, folder: folder.path }, [0, 6, 12]);
    const swapped = join(folder.path, 'swapped.mp4');
    await joinAs([even[1] as string, even[0] as string], 'swapped.mp4');
    await expect(verifyDelivery(swapped, { plate, segments: even })).rejects.toMatchObject({
      code: 'JOIN_MISMATCH',
      details: { frame: 0 },
    });
    await joinAs(even, 'good.mp4');
    const good = join(folder.path, 'good.mp4');
    const cut = join(folder.path, 'cut.mp4');
    await ffmpeg('-i', good, '-map', '0', '-c', 'copy', '-frames:v', '11', cut);
    await expect(verifyDelivery(cut, { plate, segments: even })).rejects.toThrow('another number of frames');
    const late = join(folder.path, 'late.mp4');
    await ffmpeg('-i', good, '-itsoffset', '0.05', '-i', good, '-map', '0:v', '-map', '1:a', '-c', 'copy', late);
    await expect(verifyDelivery(late, { plate, segments: even })).rejects.toThrow(
      'the sound does not start where it did',
    );
    const slow = join(folder.path, 'slow.mp4');
    await ffmpeg(
      '-i',
      good,
      '-map',
      '0',
      '-c',
      'copy',
      '-bsf:v',
      'setts=pts=if(eq(N\\,0)\\,PTS\\,PTS+1):dts=DTS',
      slow,
    );
    await expect(verifyDelivery(slow, { plate, segments: even })).rejects.toThrow('a timestamp of the delivery');
  });
});

describe('stills', () => {
  it('returns an untouched PNG sample for sample and writes JPEG of the same size', async () => {
    const path = join(folder.path, 'still %03d.png');
    await ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=161x121,format=rgb24',
      '-frames:v',
      '1',
      '-f',
      'image2pipe',
      `file:${path}`,
    );
    const plate = await probePlate(path);
    expect(plate).toMatchObject({ isStill: true, frameCount: 1, video: { format: 'gbrp', width: 161, height: 121 } });
    const { paths } = await writeSegments(
      { path, plate, folder: folder.path, encoding: { mode: 'delivery', crf: 30 } },
      [0, 1],
    );
    const out = join(folder.path, 'out %d.png');
    await joinSegments({ segments: paths, plate, platePath: path, output: out });
    await verifyDelivery(out, { plate, segments: paths });
    expect(await decodedHash(out)).toBe(await decodedHash(path));
    const jpeg = join(folder.path, 'out.jpg');
    await joinSegments({ segments: paths, plate, platePath: path, output: jpeg });
    expect((await verifyDelivery(jpeg, { plate, segments: paths })).frames).toBe(1);
    await copyFile(jpeg, join(folder.path, 'again.jpg'));
    const tall = { ...plate, video: { ...plate.video, height: 122 } };
    await expect(verifyDelivery(jpeg, { plate: tall, segments: paths })).rejects.toMatchObject({
      code: 'JOIN_MISMATCH',
    });
  });
});

/** When the first sample louder than a hundredth is heard, in seconds from the file's start. */
async function soundOnsetS(path: string): Promise<number> {
  const raw = `${path}.f32`;
  const aligned = ['-af', 'aresample=async=1:first_pts=0', '-ac', '1', '-ar', '48000'];
  await ffmpeg('-i', path, '-map', '0:a:0', aligned, '-f', 'f32le', raw);
  const bytes = await readFile(raw);
  const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return samples.findIndex((sample) => Math.abs(sample) > 0.01) / 48000;
}
