import { execFile } from 'node:child_process';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { UnderstudyError } from '@understudy/contracts';
import { extractStill, mediaTools, probePlate } from '@understudy/media';
import { drawClip, SAMPLE_PLATE, SAMPLE_VERSION, type SceneOptions } from '@understudy/sample';
import { cachedSample } from '../../sample/cached-sample.js';
import type { Progress } from '../../terminal/progress.js';

const run = promisify(execFile);

export interface LaneClipOptions {
  /** A clip of one's own; without it one performer of the drawn sample, at 1080p. */
  readonly clip?: string | undefined;
  readonly identity: readonly string[];
  readonly plateFace?: string | undefined;
  /** Only so many frames from the start; of the drawn performer as many as this. */
  readonly frames?: number | undefined;
  readonly homeDir: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A clip in which one face is replaced. */
export interface LaneClip {
  readonly name: string;
  readonly path: string;
  readonly identities: readonly string[];
  /** Pictures of the person replaced. */
  readonly plateFaces: readonly string[];
}

/** The clip to measure on, made and kept in the home folder where it has to be made. */
export async function laneClip(options: LaneClipOptions): Promise<LaneClip> {
  const { clip, identity, plateFace, frames, homeDir, progress, signal } = options;
  const folder = join(homeDir, 'bench');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (clip === undefined) {
    const sample = await cachedSample(homeDir, progress, signal);
    const scene = { ...ONE_FACE, frames: frames ?? ONE_FACE.frames };
    const path = join(folder, `one-face-${SAMPLE_VERSION}-${scene.height}p-${scene.frames}.mp4`);
    await makeOnce(path, async (out) => {
      progress.phase('drawing', scene.frames);
      await drawClip({ ...scene, out, signal, onProgress: (drawn) => progress.update(drawn) });
      progress.end();
    });
    return { name: basename(path), path, identities: sample.identities, plateFaces: sample.firstReferences };
  }
  if (identity.length === 0) throw new UnderstudyError('USAGE', '--clip needs --identity IMAGE');
  const source = await stat(clip).catch(() => null);
  if (source === null) throw new UnderstudyError('UNREADABLE_MEDIA', `${clip} does not exist; check the path`);
  const stem = join(folder, `${basename(clip)}-${source.size}-${Math.round(source.mtimeMs)}-gop24-${frames ?? 'all'}`);
  const path = frames === undefined ? clip : `${stem}.mp4`;
  if (frames !== undefined) await makeOnce(path, async (out) => shorten(clip, frames, out, signal));
  const faces = plateFace === undefined ? [await stillOf(path, `${stem}.png`, signal)] : [plateFace];
  return { name: basename(clip), path, identities: identity, plateFaces: faces };
}

const scale = 1080 / SAMPLE_PLATE.height;

/** The sample's first performer in the middle of the picture, at 1080p and as near as in the sample. */
const ONE_FACE: SceneOptions = {
  ...SAMPLE_PLATE,
  width: SAMPLE_PLATE.width * scale,
  height: 1080,
  cast: SAMPLE_PLATE.cast.slice(0, 1).map((casting) => ({
    ...casting,
    x: (SAMPLE_PLATE.width * scale) / 2,
    y: casting.y * scale,
    unitPx: casting.unitPx * scale,
  })),
};

/** Finely coded, with a key frame a second, as cameras do: what is measured later is to meet a plate, not an encoder's leavings. */
const CODING = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '12', '-g', '24', '-pix_fmt', 'yuv420p'];

async function shorten(clip: string, frames: number, out: string, signal: AbortSignal): Promise<void> {
  const bounded = ['-frames:v', String(frames), '-shortest'];
  await run(mediaTools().ffmpeg, ['-v', 'error', '-y', '-i', clip, ...bounded, ...CODING, '-c:a', 'copy', out], {
    signal,
  });
}

async function makeOnce(path: string, make: (out: string) => Promise<void>): Promise<void> {
  if ((await stat(path).catch(() => null)) !== null) return;
  const partial = `${path}.${process.pid}.partial.mp4`;
  try {
    await make(partial);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/** The middle frame: the person in it, where there is only one. */
async function stillOf(path: string, still: string, signal: AbortSignal): Promise<string> {
  const plate = await probePlate(path);
  const frameNumber = Math.floor(plate.frameCount / 2);
  await writeFile(still, await extractStill({ path, plate, frameNumber, signal }), { mode: 0o600 });
  return still;
}
