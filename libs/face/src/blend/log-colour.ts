import { createPlane, type FloatPlane } from './plane.js';

/**
 * Colour as light sees it: the log of luma, and the logs of red and blue over luma. A change of light's strength moves
 * only the first plane; shadows do not blow up the colour, because of the floor.
 */
export interface LogColour {
  readonly luma: FloatPlane;
  readonly red: FloatPlane;
  readonly blue: FloatPlane;
}

/** Added before the logarithm, in 0..1: below it a sample says more about noise than about light. */
export const LUMA_FLOOR = 0.04;
const RED = 0.299;
const BLUE = 0.114;
const GREEN = 1 - RED - BLUE;

/** @param channels R', G', B' planes, 0..1. */
export function toLogColour(channels: readonly FloatPlane[]): LogColour {
  const [r, g, b] = channels as [FloatPlane, FloatPlane, FloatPlane];
  const { width, height } = r;
  const out = { luma: createPlane(width, height), red: createPlane(width, height), blue: createPlane(width, height) };
  const [reds, greens, blues] = [r.data, g.data, b.data];
  const [luma, red, blue] = [out.luma.data, out.red.data, out.blue.data];
  for (let i = 0; i < luma.length; i++) {
    const [vr, vb] = [reds[i]!, blues[i]!];
    const y = Math.max(0, RED * vr + GREEN * greens[i]! + BLUE * vb) + LUMA_FLOOR;
    const log = Math.log(y);
    luma[i] = log;
    red[i] = Math.log(Math.max(0, vr) + LUMA_FLOOR) - log;
    blue[i] = Math.log(Math.max(0, vb) + LUMA_FLOOR) - log;
  }
  return out;
}
