import type { Frame } from '@understudy/frame';
import { probePlate, readFrames } from '@understudy/media';
import type { Box } from '@understudy/sample';

/** Calls back with the same frame of two clips, in order. */
export async function eachFramePair(
  left: string,
  right: string,
  look: (left: Frame, right: Frame, frameNumber: number) => void,
): Promise<number> {
  const [one, other] = await Promise.all([left, right].map(openFrames));
  if (one === undefined || other === undefined) throw new Error('two clips are needed');
  for (let frameNumber = 0; ; frameNumber += 1) {
    const [a, b] = await Promise.all([one.next(), other.next()]);
    if (a.done === true || b.done === true) {
      if (a.done !== b.done) throw new Error('the clips differ in length');
      return frameNumber;
    }
    look(a.value.frame, b.value.frame, frameNumber);
  }
}

async function openFrames(path: string): Promise<AsyncIterator<{ frame: Frame; frameNumber: number }>> {
  const plate = await probePlate(path);
  return readFrames({ path, plate, startFrame: 0, endFrame: plate.frameCount })[Symbol.asyncIterator]();
}

/** Sum of squared differences and number of luma samples inside a box. */
export function lumaError(
  left: Frame,
  right: Frame,
  box: Box,
): { squares: number; samples: number; differing: number } {
  const { width, height } = left.spec;
  const [a, b] = [left.planes[0].samples, right.planes[0].samples];
  let squares = 0;
  let differing = 0;
  let samples = 0;
  for (let y = Math.max(0, Math.floor(box.y)); y < Math.min(height, Math.ceil(box.y + box.height)); y += 1) {
    for (let x = Math.max(0, Math.floor(box.x)); x < Math.min(width, Math.ceil(box.x + box.width)); x += 1) {
      const difference = (a[y * width + x] ?? 0) - (b[y * width + x] ?? 0);
      squares += difference * difference;
      samples += 1;
      if (difference !== 0) differing += 1;
    }
  }
  return { squares, samples, differing };
}

/** Peak signal-to-noise ratio of 8-bit samples, in dB. */
export function psnr(squares: number, samples: number): number {
  return squares === 0 ? Infinity : 10 * Math.log10((255 * 255 * samples) / squares);
}
