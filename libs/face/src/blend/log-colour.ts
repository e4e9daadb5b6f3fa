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
  for (let i = 0; i < r.data.length; i++) {
    const y = Math.max(0, RED * r.data[i]! + GREEN * g.data[i]! + BLUE * b.data[i]!) + LUMA_FLOOR;
    out.luma.data[i] = Math.log(y);
    out.red.data[i] = Math.log((Math.max(0, r.data[i]!) + LUMA_FLOOR) / y);
    out.blue.data[i] = Math.log((Math.max(0, b.data[i]!) + LUMA_FLOOR) / y);
  }
  return out;
}

/** Luma of R'G'B' planes. */
export function lumaOf(channels: readonly FloatPlane[]): FloatPlane {
  const [r, g, b] = channels as [FloatPlane, FloatPlane, FloatPlane];
  const out = createPlane(r.width, r.height);
  for (let i = 0; i < out.data.length; i++) out.data[i] = RED * r.data[i]! + GREEN * g.data[i]! + BLUE * b.data[i]!;
  return out;
}

/**
 * Undoes {@link toLogColour}; luma is kept exactly, also where a colour lies outside the range.
 *
 * @param mask where it is 0 the result is left black.
 */
export function fromLogColour(colour: LogColour, mask?: FloatPlane): FloatPlane[] {
  const { width, height } = colour.luma;
  const out = [createPlane(width, height), createPlane(width, height), createPlane(width, height)] as const;
  for (let i = 0; i < colour.luma.data.length; i++) {
    if (mask?.data[i] === 0) continue;
    const y = Math.exp(colour.luma.data[i]!);
    const r = y * Math.exp(colour.red.data[i]!) - LUMA_FLOOR;
    const b = y * Math.exp(colour.blue.data[i]!) - LUMA_FLOOR;
    out[0].data[i] = r;
    out[1].data[i] = (y - LUMA_FLOOR - RED * r - BLUE * b) / GREEN;
    out[2].data[i] = b;
  }
  return [...out];
}
