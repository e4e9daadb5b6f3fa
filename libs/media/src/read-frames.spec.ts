import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateFrame, type Frame } from '@understudy/frame';
import { ffmpeg, scratchFolder, setDisplayMatrix, source } from '../test/clips.js';
import { frameHash, frameHashes } from './frame-hash.js';
import type { PlateInfo } from './plate-info.js';
import { probePlate } from './probe-plate.js';
import { readFrames, type ReadOptions } from './read-frames.js';

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder.remove());

async function hashesOf(options: ReadOptions): Promise<string[]> {
  const hashes: string[] = [];
  for await (const { frame } of readFrames(options)) hashes.push(frameHash(frame.bytes));
  return hashes;
}

/** Programs that hold this file open and are not this one. */
async function decoders(path: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const holds = async (pid: number): Promise<boolean> => {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const files = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    return files.includes(path);
  };
  const found = await Promise.all(pids.map(async (pid) => ((await holds(pid)) ? [pid] : [])));
  return found.flat();
}

const X264 = ['-c:v', 'libx264', '-preset', 'veryfast'];

/** Clips that make seeking go wrong, each with what it must turn out to be. */
const CLIPS: Record<string, { make: (path: string) => Promise<void>; file: string; expect?: Partial<PlateInfo> }> = {
  'one key frame, B-frames': {
    file: 'one-key.mp4',
    make: (path) => ffmpeg(...source(), ...X264, '-g', '9999', '-bf', '3', path),
    expect: { keyFrames: [0], isConstantRate: true },
  },
  'open GOPs': {
    file: 'open-gop.mp4',
    make: (path) => ffmpeg(...source(), ...X264, '-x264-params', 'open-gop=1:keyint=12:min-keyint=12:bframes=3', path),
  },
  'open GOPs in HEVC, 10 bit': {
    file: 'hevc.mp4',
    make: (path) =>
      ffmpeg(
        ...source({ format: 'yuv420p10le', frames: 30 }),
        '-c:v',
        'libx265',
        '-x265-params',
        'open-gop=1:keyint=12:bframes=3:log-level=none',
        path,
      ),
  },
  'a start that is not zero': {
    file: 'late.mp4',
    make: (path) =>
      ffmpeg(...source({ soundAtS: 0 }), ...X264, '-g', '10', '-filter:v', 'setpts=PTS+1.5/TB', '-c:a', 'aac', path),
  },
  'an edit list that begins inside a GOP': {
    file: 'edited.mp4',
    make: async (path) => {
      const whole = join(folder.path, 'whole.mp4');
      await ffmpeg(...source({ frames: 60 }), ...X264, '-g', '24', '-bf', '2', whole);
      await ffmpeg('-ss', '0.5', '-i', whole, '-c', 'copy', path);
    },
  },
  'a transport stream': {
    file: 'stream.ts',
    make: (path) => ffmpeg(...source({ soundAtS: 0 }), ...X264, '-g', '12', '-bf', '2', '-c:a', 'aac', path),
  },
  '4:2:2 at 10 bit in QuickTime': {
    file: '422.mov',
    make: (path) => ffmpeg(...source({ format: 'yuv422p10le' }), ...X264, '-g', '12', path),
  },
  ProRes: {
    file: 'prores.mov',
    make: (path) => ffmpeg(...source({ format: 'yuv422p10le' }), '-c:v', 'prores_ks', path),
  },
  'a clock of milliseconds': {
    file: 'ms.mkv',
    make: (path) => ffmpeg(...source({ rate: '30000/1001' }), ...X264, '-g', '12', path),
    expect: { isConstantRate: true },
  },
  'VP9 with hidden frames': {
    file: 'vp9.webm',
    make: (path) =>
      ffmpeg(
        ...source({ frames: 30 }),
        '-c:v',
        'libvpx-vp9',
        '-cpu-used',
        '8',
        '-g',
        '15',
        '-auto-alt-ref',
        '1',
        '-lag-in-frames',
        '12',
        path,
      ),
  },
  'a variable rate': {
    file: 'vfr.mp4',
    make: (path) =>
      ffmpeg(
        ...source({ rate: '30' }),
        ...X264,
        '-g',
        '12',
        '-filter:v',
        "settb=1/90000,setpts='N*3000+mod(N*N*37,5)*400'",
        '-fps_mode',
        'passthrough',
        '-enc_time_base',
        '1/90000',
        '-video_track_timescale',
        '90000',
        path,
      ),
    expect: { isConstantRate: false },
  },
  'motion JPEG in AVI, full range': {
    file: 'mjpeg.avi',
    make: (path) => ffmpeg(...source({ format: 'yuvj420p' }), '-c:v', 'mjpeg', '-q:v', '3', path),
  },
  RGB: {
    file: 'rgb.mp4',
    make: (path) => ffmpeg(...source({ format: 'gbrp' }), '-c:v', 'libx264rgb', '-qp', '0', '-g', '12', path),
  },
};

describe('readFrames: any range holds the very frames of a whole decode', () => {
  it.each(Object.entries(CLIPS))('%s', async (_name, { file, make, expect: wanted }) => {
    const path = join(folder.path, file);
    await make(path);
    const plate = await probePlate(path);
    const all = await frameHashes(path);
    expect(plate.frameCount).toBe(all.length);
    expect(new Set(all).size).toBe(all.length);
    expect(plate).toMatchObject(wanted ?? {});
    const n = plate.frameCount;
    const key = plate.keyFrames.at(-1) ?? 0;
    const ranges = [
      [0, 2],
      [Math.max(0, key - 2), Math.min(n, key + 2)],
      [Math.floor(n / 2), n - 1],
    ] as const;
    for (const [startFrame, endFrame] of ranges) {
      expect(await hashesOf({ path, plate, startFrame, endFrame })).toEqual(all.slice(startFrame, endFrame));
    }
  });
});

describe('readFrames', () => {
  let path: string;
  let plate: PlateInfo;
  beforeAll(async () => {
    path = join(folder.path, 'plain.mp4');
    await ffmpeg(...source({ soundAtS: 0 }), ...X264, '-g', '12', '-c:a', 'aac', path);
    plate = await probePlate(path);
  });

  it('widens chroma where it does not fit and turns frames upright', async () => {
    const odd = join(folder.path, 'odd.webm');
    await ffmpeg(
      ...source({ frames: 3, filter: 'scale=161:121' }),
      '-c:v',
      'libvpx-vp9',
      '-lossless',
      '1',
      '-cpu-used',
      '8',
      odd,
    );
    expect((await probePlate(odd)).video).toMatchObject({
      width: 161,
      height: 121,
      format: 'yuv444p',
      converted: true,
    });

    const turned = join(folder.path, 'turned.mp4');
    await ffmpeg(...source({ frames: 3 }), ...X264, '-qp', '0', turned);
    const flat = await probePlate(turned);
    const [before] = await framesOf({ path: turned, plate: flat, startFrame: 1, endFrame: 2 });
    await setDisplayMatrix(turned, [0, 1, -1, 0]);
    const upright = await probePlate(turned);
    expect(upright.video).toMatchObject({ width: 120, height: 160, orientation: 'rotate-90' });
    const [after] = await framesOf({ path: turned, plate: upright, startFrame: 1, endFrame: 2 });
    // Turned clockwise: the sample at (x, y) goes to (height - 1 - y, x).
    for (const [x, y] of [
      [0, 0],
      [3, 7],
      [100, 50],
      [159, 119],
    ] as const) {
      expect(sample(after, 0, 119 - y, x)).toBe(sample(before, 0, x, y));
    }
    expect(sample(after, 1, 59 - 20, 31)).toBe(sample(before, 1, 31, 20));
  });

  it('keeps full-range samples when it has to convert', async () => {
    const picture = join(folder.path, 'gray.png');
    await ffmpeg('-f', 'lavfi', '-i', 'color=black:size=64x32,format=gray,geq=lum=X*4+Y/8', '-frames:v', '1', picture);
    const [frame] = await framesOf({ path: picture, plate: await probePlate(picture), startFrame: 0, endFrame: 1 });
    expect(frame?.spec.format).toBe('gbrp');
    for (const plane of frame?.planes ?? [])
      expect([plane.samples[0], plane.samples[63], plane.samples[64 * 31 + 10]]).toEqual([0, 252, 43]);
  });

  it('fills the buffers it is given and waits for them', async () => {
    const spec = { width: 160, height: 120, format: 'yuv420p', matrix: 'bt601', range: 'tv' } as const;
    const ring = [allocateFrame(spec), allocateFrame(spec)];
    const seen: Uint8Array[] = [];
    const target = (frameNumber: number) => Promise.resolve(ring[frameNumber % 2] as Frame);
    for await (const { frame } of readFrames({ path, plate, startFrame: 5, endFrame: 9, target }))
      seen.push(frame.bytes);
    expect(seen.map((bytes) => ring.findIndex((frame) => frame.bytes === bytes))).toEqual([1, 0, 1, 0]);
  });

  it('starts over from the beginning when a seek lands behind the range', async () => {
    const stream = join(folder.path, 'lying.ts');
    await ffmpeg(...source(), ...X264, '-g', '12', '-bf', '0', stream);
    const probed = await probePlate(stream);
    expect(probed.keyFrames).toEqual([0, 12, 24]);
    // No decoding can start at frame 20: what comes out first is frame 24.
    const lying = { ...probed, keyFrames: [0, 12, 20, 24] };
    const all = await frameHashes(stream);
    expect(await hashesOf({ path: stream, plate: lying, startFrame: 21, endFrame: 23 })).toEqual(all.slice(21, 23));
  });

  it('scales by area', async () => {
    const [small] = await framesOf({ path, plate, startFrame: 3, endFrame: 4, scaleTo: { width: 80, height: 60 } });
    expect(small?.spec).toMatchObject({ width: 80, height: 60, format: 'yuv420p' });
  });

  it('refuses a file that is no longer the one that was probed', async () => {
    const other = join(folder.path, 'other.mp4');
    await ffmpeg(...source({ rate: '25' }), ...X264, other);
    const read = framesOf({ path: other, plate, startFrame: 10, endFrame: 12 });
    await expect(read).rejects.toMatchObject({ code: 'UNREADABLE_MEDIA' });
    // As many frames in the range, half a frame late: only their timestamps tell.
    const shifted = join(folder.path, 'shifted.mp4');
    const late = ['-itsoffset', '0.02', '-i', path, '-an', '-c', 'copy'];
    await ffmpeg(late, '-movie_timescale', '24000', '-video_track_timescale', '24000', shifted);
    await expect(framesOf({ path: shifted, plate, startFrame: 10, endFrame: 12 })).rejects.toMatchObject({
      code: 'UNREADABLE_MEDIA',
    });
    const short = join(folder.path, 'short.mp4');
    await ffmpeg('-i', path, '-frames:v', '30', '-c:v', 'copy', short);
    await expect(framesOf({ path: short, plate, startFrame: 28, endFrame: 34 })).rejects.toMatchObject({
      code: 'UNREADABLE_MEDIA',
    });
  });

  it('says of a decoder that was killed, hangs or is missing here nothing about the file', async () => {
    const long = join(folder.path, 'long.mp4');
    await ffmpeg(...source({ frames: 400 }), ...X264, '-g', '12', long);
    const range = { path: long, plate: await probePlate(long), startFrame: 20, endFrame: 400 };
    const interrupted = async (signal: NodeJS.Signals, options: Partial<ReadOptions> = {}): Promise<void> => {
      let at = 0;
      for await (const { frameNumber } of readFrames({ ...range, ...options })) {
        at = frameNumber;
        if (frameNumber === 24) for (const pid of await decoders(long)) process.kill(pid, signal);
      }
      expect(at).toBe(399);
    };
    await expect(interrupted('SIGKILL')).rejects.toMatchObject({
      code: 'FFMPEG_FAILED',
      message: expect.stringContaining('SIGKILL'),
    });
    // Crashes of its own may be what the file does to it.
    await expect(interrupted('SIGSEGV')).rejects.toMatchObject({ code: 'UNREADABLE_MEDIA' });
    await expect(interrupted('SIGSTOP', { stallLimitMs: 300 })).rejects.toMatchObject({ code: 'FFMPEG_FAILED' });
    expect(await decoders(long)).toEqual([]);
  });

  it('refuses ranges outside the plate', async () => {
    await expect(framesOf({ path, plate, startFrame: 3, endFrame: 3 })).rejects.toThrow(RangeError);
    await expect(framesOf({ path, plate, startFrame: 0, endFrame: plate.frameCount + 1 })).rejects.toThrow(RangeError);
  });

  it('stops when cancelled, and leaves no process when the loop is left early', async () => {
    const abort = new AbortController();
    const read = async () => {
      for await (const { frameNumber } of readFrames({
        path,
        plate,
        startFrame: 0,
        endFrame: 34,
        signal: abort.signal,
      })) {
        if (frameNumber === 2) abort.abort(new Error('enough'));
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'CANCELLED' });
    for await (const { frameNumber } of readFrames({ path, plate, startFrame: 0, endFrame: 34 }))
      if (frameNumber === 1) break;
    expect(await childrenOf(process.pid)).not.toContain('ffmpeg');
  });
});

async function framesOf(options: ReadOptions): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const { frame } of readFrames(options)) frames.push(frame);
  return frames;
}

async function childrenOf(pid: number): Promise<string[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const pids = children.trim().split(' ').filter(Boolean);
  return Promise.all(
    pids.map((child) =>
      readFile(`/proc/${child}/comm`, 'utf8').then(
        (name) => name.trim(),
        () => 'gone',
      ),
    ),
  );
}

function sample(frame: Frame | undefined, plane: 0 | 1, x: number, y: number): number | undefined {
  const { width = 0, samples = [] } = frame?.planes[plane] ?? {};
  return samples[y * width + x];
}
