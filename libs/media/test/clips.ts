import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSegmentWriter, readFrames, type Encoding, type PlateInfo } from '../src/index.js';

const run = promisify(execFile);

/** A folder for one test file, and how to remove it. */
export async function scratchFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'understudy-media-'));
  await chmod(path, 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export async function ffmpeg(...args: (string | string[])[]): Promise<void> {
  await run('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', ...args.flat()]);
}

export interface ClipSource {
  readonly size?: string;
  readonly rate?: string;
  readonly frames?: number;
  readonly format?: string;
  /** Seconds by which the sound starts after the picture; no sound without it. */
  readonly soundAtS?: number;
  /** Further filters of the picture. */
  readonly filter?: string;
}

/** Input arguments of a moving picture that differs in every frame, with noise that no encoder may smooth unseen. */
export function source(options: ClipSource = {}): string[] {
  const { size = '160x120', rate = '24000/1001', frames = 36, format = 'yuv420p', soundAtS, filter } = options;
  const picture = `testsrc2=size=${size}:rate=${rate},noise=alls=8:allf=t,trim=end_frame=${frames}${filter ? `,${filter}` : ''},format=${format}`;
  const inputs = ['-f', 'lavfi', '-i', picture];
  if (soundAtS === undefined) return inputs;
  const sound = [
    '-itsoffset',
    String(soundAtS),
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=440:sample_rate=48000:duration=1.5',
  ];
  return [...inputs, ...sound];
}

/** Turns the display matrix in a one-track MP4's header: the way cameras mark a clip shot on its side. */
export async function setDisplayMatrix(path: string, matrix: readonly [number, number, number, number]): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf('tkhd', 0, 'latin1') + 4 + 40;
  const [a, b, c, d] = matrix;
  [a, b, 0, c, d, 0].forEach((value, n) => bytes.writeInt32BE(value * 65536, at + n * 4));
  await writeFile(path, bytes);
}

/** Hashes of ranges, read one after another. */
export async function writeSegments(
  request: { path: string; plate: PlateInfo; folder: string; encoding?: Encoding },
  cuts: readonly number[],
): Promise<{ paths: string[]; hashes: string[] }> {
  const { path, plate, folder, encoding = { mode: 'lossless' } } = request;
  const paths: string[] = [];
  const hashes: string[] = [];
  for (const [n, startFrame] of cuts.slice(0, -1).entries()) {
    const segment = join(folder, `segment-${n}.mp4`);
    const writer = await openSegmentWriter({ path: segment, plate, encoding });
    for await (const { frame } of readFrames({ path, plate, startFrame, endFrame: cuts[n + 1] as number })) {
      await writer.write(frame);
    }
    hashes.push(...(await writer.finish()).frameHashes);
    paths.push(segment);
  }
  return { paths, hashes };
}

/** Seven uneven ranges, one frame and two frames among them. */
export function unevenCuts(frameCount: number): number[] {
  const third = Math.floor(frameCount / 3);
  return [0, 1, 3, third, third + 1, 2 * third, frameCount - 1, frameCount];
}
