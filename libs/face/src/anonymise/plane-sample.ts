import { FORMAT_LAYOUTS, type FrameSpec, colourTransform } from '@understudy/frame';

import type { Rgb } from './covers.js';

/** The samples that a colour has in one plane of a frame, not rounded, within the range of its samples. */
export function sampleFromRgb(spec: FrameSpec, plane: 0 | 1 | 2): (colour: Rgb) => number {
  const transform = colourTransform(spec);
  const { lumaOffset, lumaScale, chromaOffset, chromaScale, redFromCr, blueFromCb, maximum } = transform;
  const within = (sample: number): number => Math.min(maximum, Math.max(0, sample));
  if (FORMAT_LAYOUTS[spec.format].model === 'gbr') {
    const channel = ([1, 2, 0] as const)[plane];
    return (colour) => within(lumaOffset + colour[channel] / lumaScale);
  }
  // Kr = 1 - redFromCr / 2 and Kb = 1 - blueFromCb / 2, by the definition of the two.
  const red = 1 - redFromCr / 2;
  const blue = 1 - blueFromCb / 2;
  const luma = ([r, g, b]: Rgb): number => red * r + (1 - red - blue) * g + blue * b;
  if (plane === 0) return (colour) => within(lumaOffset + luma(colour) / lumaScale);
  const [channel, share] = plane === 1 ? ([2, blueFromCb] as const) : ([0, redFromCr] as const);
  return (colour) => within(chromaOffset + (colour[channel] - luma(colour)) / share / chromaScale);
}
