import { allocateFrame, type Frame, type FrameSpec } from '@understudy/frame';

import type { RgbImage } from './picture.js';

/** The plate's format: what most H.264 footage has. */
export function plateSpec(width: number, height: number): FrameSpec {
  return { width, height, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
}

/**
 * An RGB picture as a limited-range BT.709 4:2:0 frame. Chroma is the mean of four pixels.
 * Coefficients: ITU-R BT.709, Kr = 0.2126, Kb = 0.0722.
 *
 * @throws RangeError when width or height is odd.
 */
export function plateFrame(picture: RgbImage): Frame {
  const { width, height, data } = picture;
  if (width % 2 || height % 2) throw new RangeError(`a 4:2:0 plate needs even sides, got ${width}x${height}`);
  const frame = allocateFrame(plateSpec(width, height));
  const [luma, blue, red] = frame.planes;
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const at = pixel * 3;
    luma.samples[pixel] = 16.5 + (219 / 255) * (0.2126 * data[at]! + 0.7152 * data[at + 1]! + 0.0722 * data[at + 2]!);
  }
  for (let row = 0; row < height / 2; row += 1) {
    for (let column = 0; column < width / 2; column += 1) {
      const at = (row * 2 * width + column * 2) * 3;
      const below = at + width * 3;
      const mean = (channel: number): number =>
        (data[at + channel]! + data[at + channel + 3]! + data[below + channel]! + data[below + channel + 3]!) / 4;
      const [r, g, b] = [mean(0), mean(1), mean(2)];
      const y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
      const to = row * (width / 2) + column;
      blue.samples[to] = 128.5 + ((224 / 255) * (b - y)) / 1.8556;
      red.samples[to] = 128.5 + ((224 / 255) * (r - y)) / 1.5748;
    }
  }
  return frame;
}
