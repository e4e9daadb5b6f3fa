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
const FLOOR = 0.04;
const RED = 0.299;
const BLUE = 0.114;
const GREEN = 1 - RED - BLUE;

/** @param channels R', G', B' planes, 0..1. */
export function toLogColour(channels: readonly FloatPlane[]): LogColour {
  const [r, g, b] = channels as [FloatPlane, FloatPlane, FloatPlane];
  const { width, height } = r;
  const out = { luma: createPlane(width, height), red: createPlane(width, height), blue: createPlane(width, height) };
  for (let i = 0; i < r.data.length; i++) {
    const y = Math.max(0, RED * r.data[i]! + GREEN * g.data[i]! + BLUE * b.data[i]!) + FLOOR;
    out.luma.data[i] = Math.log(y);
    out.red.data[i] = Math.log((Math.max(0, r.data[i]!) + FLOOR) / y);
    out.blue.data[i] = Math.log((Math.max(0, b.data[i]!) + FLOOR) / y);
  }
  return out;
}

/** Undoes {@link toLogColour}; luma is kept exactly, also where a colour lies outside the range. */
export function fromLogColour(colour: LogColour): FloatPlane[] {
  const { width, height } = colour.luma;
  const out = [createPlane(width, height), createPlane(width, height), createPlane(width, height)] as const;
  for (let i = 0; i < colour.luma.data.length; i++) {
    const y = Math.exp(colour.luma.data[i]!);
    const r = y * Math.exp(colour.red.data[i]!) - FLOOR;
    const b = y * Math.exp(colour.blue.data[i]!) - FLOOR;
    out[0].data[i] = r;
    out[1].data[i] = (y - FLOOR - RED * r - BLUE * b) / GREEN;
    out[2].data[i] = b;
  }
  return [...out];
}
