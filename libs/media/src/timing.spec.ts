import { describe, expect, it } from 'vitest';
import { deliveryClock, deliveryTimes, readRate } from './timing.js';
import type { PlateInfo } from './plate-info.js';

const rounded = (rate: number, frames: number, ticksPerSecond: number) =>
  Array.from({ length: frames }, (_, n) => Math.round((n * ticksPerSecond) / rate));

describe('readRate', () => {
  it('reads equal steps exactly', () => {
    const reading = readRate([3003, 6006, 9009], { num: 1, den: 90000 }, []);
    expect(reading).toEqual({
      frames: { kind: 'constant', firstPts: 3003, ticksPerFrame: 3003 },
      rate: { num: 30000, den: 1001 },
      isConstantRate: true,
    });
  });

  it('sees the rate behind a clock of milliseconds', () => {
    const ms = { num: 1, den: 1000 };
    expect(readRate(rounded(24000 / 1001, 2000, 1000), ms, [])).toMatchObject({
      rate: { num: 24000, den: 1001 },
      isConstantRate: true,
    });
    expect(readRate(rounded(24, 2000, 1000), ms, [])).toMatchObject({
      rate: { num: 24, den: 1 },
      isConstantRate: true,
    });
    // On a short clip both fit; what the container states decides.
    const stated = [{ num: 24, den: 1 }];
    expect(readRate(rounded(24, 10, 1000), ms, stated)).toMatchObject({
      rate: { num: 24, den: 1 },
      isConstantRate: true,
    });
  });

  it('keeps the timestamps of a rate that varies', () => {
    const pts = [0, 3000, 6400, 9000, 12000];
    expect(readRate(pts, { num: 1, den: 90000 }, [])).toMatchObject({
      frames: { kind: 'listed', pts },
      isConstantRate: false,
    });
  });

  it('gives a single frame the stated rate', () => {
    expect(readRate([0], { num: 1, den: 25 }, [])).toMatchObject({ rate: { num: 25, den: 1 }, isConstantRate: true });
  });
});

describe('deliveryClock', () => {
  const rates = [
    [24000, 1001],
    [24, 1],
    [25, 1],
    [30000, 1001],
    [60, 1],
    [2997, 125],
  ] as const;
  const clocks = [90000, 15360, 24000, 1000, 600, 25];
  it.each(rates.flatMap(([num, den]) => clocks.map((clock) => [num, den, clock] as const)))(
    '%d/%d on 1/%d: frames are whole ticks',
    (num, den, clock) => {
      const { timescale, step } = deliveryClock({ rate: { num, den }, timeBase: { num: 1, den: clock } });
      expect(Number.isInteger(step)).toBe(true);
      expect(step * num).toBe(timescale * den);
      expect(timescale).toBeGreaterThanOrEqual(1000);
      expect(timescale).toBeLessThan(2 ** 31);
    },
  );

  it('can express every timestamp of the plate', () => {
    expect(deliveryClock({ rate: { num: 30000, den: 1001 }, timeBase: { num: 1, den: 90000 } })).toEqual({
      timescale: 90000,
      step: 3003,
    });
  });
});

describe('deliveryTimes', () => {
  it('puts rounded timestamps on the exact grid and leaves varying ones alone', () => {
    const video = { rate: { num: 24000, den: 1001 }, timeBase: { num: 1, den: 1000 } };
    const listed = { kind: 'listed', pts: [100, 142, 183] };
    const even = { frameCount: 3, isConstantRate: true, video, frames: listed } as unknown as PlateInfo;
    const times = deliveryTimes(even);
    expect([times.at(1), times.at(2), times.timeBase]).toEqual([1001, 2002, { num: 1, den: 24000 }]);
    const varying = deliveryTimes({ ...even, isConstantRate: false });
    expect([varying.at(1), varying.at(2), varying.timeBase]).toEqual([42, 83, { num: 1, den: 1000 }]);
  });
});
