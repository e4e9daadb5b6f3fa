import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { frameByteLength, wrapFrame, type Frame, type FrameSpec } from '@understudy/frame';

/** An optional folder of real clips beside the repository; nothing of it is ever copied in here. */
const FOLDER = fileURLToPath(new URL('../../../shared/footage', import.meta.url));

export const FOOTAGE_IS_THERE = existsSync(FOLDER);

export interface Clip {
  readonly name: string;
  readonly file: string;
  readonly frameCount: number;
  readonly spec: FrameSpec;
}

const plate = (name: string, file: string, frameCount: number, spec: Partial<FrameSpec>): Clip => ({
  name,
  file,
  frameCount,
  spec: { width: 1280, height: 720, format: 'yuv420p', matrix: 'bt601', range: 'tv', ...spec },
});

export const PLATES: readonly Clip[] = [
  plate('a', 'plate-a-1280x720.mp4', 282, { matrix: 'bt709' }),
  plate('b', 'plate-b-480x908.mp4', 297, { width: 480, height: 908 }),
  plate('c', 'plate-c-1280x720.mp4', 180, {}),
];

const portrait = (name: string, width: number, height: number): Clip => ({
  name,
  file: `portrait-${name}.jpg`,
  frameCount: 1,
  spec: { width, height, format: 'gbrp', matrix: 'gbr', range: 'pc' },
});

export const PORTRAITS: readonly Clip[] = [
  portrait('a', 600, 704),
  portrait('b', 564, 729),
  portrait('c', 720, 720),
  portrait('d', 720, 1280),
];

/** Every frame of a clip, in order, each in fresh memory. */
export async function* framesOf(clip: Clip): AsyncGenerator<Frame> {
  const length = frameByteLength(clip.spec);
  const args = ['-v', 'error', '-i', `${FOLDER}/${clip.file}`, '-vf', `format=${clip.spec.format}`];
  const child = spawn('ffmpeg', [...args, '-f', 'rawvideo', '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let held = new Uint8Array(length);
  let filled = 0;
  for await (const piece of child.stdout) {
    let chunk = piece as Buffer;
    while (chunk.length > 0) {
      const take = Math.min(chunk.length, length - filled);
      held.set(chunk.subarray(0, take), filled);
      filled += take;
      chunk = chunk.subarray(take);
      if (filled < length) continue;
      yield wrapFrame(clip.spec, held);
      held = new Uint8Array(length);
      filled = 0;
    }
  }
}
