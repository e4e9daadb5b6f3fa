import type { PlateInfo } from './plate-info.js';
import { framePts } from './plate-info.js';
import { leastCommonMultiple, rational, sameRational, type Rational } from './rational.js';

/** Clocks coarser than this make players stutter; finer than the upper bound overflow 32-bit boxes within minutes. */
const LEAST_TIMESCALE = 1000;
const GREATEST_TIMESCALE = 1_000_000;

/** Rates that a coarse clock (Matroska's millisecond) usually stands for. */
const USUAL_RATES: readonly Rational[] = [
  [24000, 1001],
  [24, 1],
  [25, 1],
  [30000, 1001],
  [30, 1],
  [48, 1],
  [50, 1],
  [60000, 1001],
  [60, 1],
  [120, 1],
].map(([num, den]) => ({ num: num as number, den: den as number }));

export interface RateReading {
  readonly frames: PlateInfo['frames'];
  readonly rate: Rational;
  readonly isConstantRate: boolean;
}

/**
 * Finds the rate behind the timestamps.
 *
 * Equal steps give the rate exactly. Steps that differ only by the clock's rounding (each frame within one tick of an
 * exact grid) are constant too, at the rate of that grid. Anything else varies.
 *
 * @param pts strictly ascending, at least one
 * @param stated rates that the container states, tried first
 */
export function readRate(pts: readonly number[], timeBase: Rational, stated: readonly Rational[]): RateReading {
  const first = pts[0] as number;
  const nominal = stated[0] ?? { num: 25, den: 1 };
  if (pts.length === 1) {
    const ticksPerFrame = Math.max(1, Math.round((nominal.den * timeBase.den) / (nominal.num * timeBase.num)));
    return { frames: { kind: 'constant', firstPts: first, ticksPerFrame }, rate: nominal, isConstantRate: true };
  }
  const step = (pts[1] as number) - first;
  if (pts.every((value, n) => value === first + n * step)) {
    const rate = rational(timeBase.den, timeBase.num * step);
    return { frames: { kind: 'constant', firstPts: first, ticksPerFrame: step }, rate, isConstantRate: true };
  }
  const frames = { kind: 'listed' as const, pts: [...pts] };
  // A stated usual rate first: on a short clip a coarse clock fits several.
  const isUsual = (rate: Rational) => USUAL_RATES.some((usual) => sameRational(usual, rate));
  const grid = [...stated.filter(isUsual), ...USUAL_RATES, ...stated].find((rate) => onGrid(pts, timeBase, rate));
  if (grid) return { frames, rate: grid, isConstantRate: true };
  const span = (pts.at(-1) as number) - first;
  const average = rational((pts.length - 1) * timeBase.den, span * timeBase.num);
  return { frames, rate: stated[0] ?? average, isConstantRate: false };
}

function onGrid(pts: readonly number[], timeBase: Rational, rate: Rational): boolean {
  const first = pts[0] as number;
  const ticks = (rate.den * timeBase.den) / (rate.num * timeBase.num);
  return pts.every((value, n) => Math.abs(value - first - n * ticks) <= 1);
}

export interface DeliveryClock {
  /** Ticks per second of the delivery's video track, and of every segment. */
  readonly timescale: number;
  /** Ticks per frame in a segment, and in a delivery at constant rate. */
  readonly step: number;
}

/**
 * A clock in which the frame's length is a whole number of ticks and, where it can be, the plate's own timestamps too:
 * then neither segments nor joins round anything.
 */
export function deliveryClock(video: { rate: Rational; timeBase: Rational }): DeliveryClock {
  const { rate, timeBase } = video;
  let timescale = rate.num;
  const common = leastCommonMultiple(rate.num, timeBase.den);
  if (common <= GREATEST_TIMESCALE) timescale = common;
  if (timescale < LEAST_TIMESCALE) timescale *= Math.ceil(LEAST_TIMESCALE / timescale);
  return { timescale, step: (timescale / rate.num) * rate.den };
}

/** When the delivery's frame n is shown: ticks of `timeBase` after the delivery's first frame. */
export interface DeliveryTimes {
  readonly timeBase: Rational;
  readonly count: number;
  at(frameNumber: number): number;
}

/** The plate's timestamps relative to its first frame; on the exact grid where its clock had only rounded them. */
export function deliveryTimes(plate: PlateInfo): DeliveryTimes {
  const count = plate.frameCount;
  if (plate.isConstantRate) {
    const { timescale, step } = deliveryClock(plate.video);
    return { timeBase: { num: 1, den: timescale }, count, at: (n) => n * step };
  }
  const first = framePts(plate, 0);
  return { timeBase: plate.video.timeBase, count, at: (n) => framePts(plate, n) - first };
}
