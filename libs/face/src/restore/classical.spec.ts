import type { Frame } from '@understudy/frame';
import { wrapFrame } from '@understudy/frame';
import { describe, expect, it } from 'vitest';

import { ADA, drawFrame } from '../../test/drawn-face.js';
import { blurPlane } from '../blend/gaussian.js';
import { type ClassicalSettings, detailGain, enlargeDetail, sharpnessOf } from './classical.js';
import { strengthWithinDrift } from './fidelity.js';

const SETTINGS: ClassicalSettings = { sharpness: 1, feather: 0.1, shape: 'hull' };
const [X, Y] = [320, 210];

/** 68 points about where the drawn face has them. */
const LANDMARKS = (() => {
  const points = Array.from({ length: 68 }, (_, i) => {
    const angle = (i / 17) * Math.PI;
    return [X + 70 * Math.cos(angle), Y + 20 + 80 * Math.sin(angle)];
  });
  points[36] = [X - 45, Y];
  points[45] = [X + 45, Y];
  return points.flat();
})();

const copyOf = (frame: Frame): Frame => wrapFrame(frame.spec, frame.bytes.slice());

async function drawn(format: 'yuv420p' | 'yuv422p10le' = 'yuv420p'): Promise<Frame> {
  const colour = { matrix: 'bt709', range: 'tv' } as const;
  const frame = await drawFrame([{ x: X, y: Y, scale: 1, look: ADA }], { width: 640, height: 480, format, ...colour });
  // Skin has pores and a camera has grain; the drawing has neither.
  const luma = frame.planes[0].samples;
  const unit = format === 'yuv420p' ? 1 : 4;
  for (let i = 0; i < luma.length; i++) luma[i] = Math.max(0, luma[i]! + Math.round(unit * 4 * Math.sin(i * 12.9898)));
  return frame;
}

function softened(frame: Frame, sigma: number): Frame {
  const soft = copyOf(frame);
  const { width, height, samples } = soft.planes[0];
  const blurred = blurPlane({ width, height, data: Float32Array.from(samples) }, sigma).data;
  samples.set(blurred.map(Math.round));
  return soft;
}

describe('the classical detail pass', () => {
  it.each(['yuv420p', 'yuv422p10le'] as const)(
    "brings a soft face to the plate's own detail, in %s",
    async (format) => {
      const plate = await drawn(format);
      const soft = softened(plate, 1);
      const [wanted, before] = [sharpnessOf(plate, LANDMARKS, SETTINGS), sharpnessOf(soft, LANDMARKS, SETTINGS)];
      expect(before).toBeLessThan(0.92 * wanted);
      const gain = detailGain(soft, plate, LANDMARKS, SETTINGS);
      const sharp = copyOf(soft);
      enlargeDetail(sharp, soft, LANDMARKS, { ...SETTINGS, gain, strength: 1 });
      const after = sharpnessOf(sharp, LANDMARKS, SETTINGS);
      console.log(
        `fine detail: plate ${wanted.toFixed(2)}, softened ${before.toFixed(2)}, restored ${after.toFixed(2)}`,
      );
      expect(after).toBeGreaterThan(0.97 * wanted);
      expect(after).toBeLessThan(1.03 * wanted);
      const half = copyOf(soft);
      enlargeDetail(half, soft, LANDMARKS, { ...SETTINGS, gain, strength: 0.5 });
      const between = sharpnessOf(half, LANDMARKS, SETTINGS);
      expect(between).toBeGreaterThan(before);
      expect(between).toBeLessThan(after);
    },
  );

  it('changes luma under its mask alone, and no sample by more than its limit', async () => {
    const plate = await drawn();
    const frame = copyOf(plate);
    enlargeDetail(frame, plate, LANDMARKS, { ...SETTINGS, gain: 2.5, strength: 1 });
    let [largest, changed] = [0, 0];
    for (let y = 0; y < 480; y++) {
      for (let x = 0; x < 640; x++) {
        const change = Math.abs(frame.planes[0].samples[y * 640 + x]! - plate.planes[0].samples[y * 640 + x]!);
        if (change > 0 && Math.hypot(x - X, y - Y - 20) > 110) throw new Error(`changed at ${x},${y}`);
        largest = Math.max(largest, change);
        if (change > 0) changed += 1;
      }
    }
    expect(changed).toBeGreaterThan(1000);
    expect(largest).toBeLessThanOrEqual(9);
    for (const plane of [1, 2] as const) expect(frame.planes[plane].samples).toEqual(plate.planes[plane].samples);
  });

  it('leaves what a network says covers the face', async () => {
    const plate = await drawn();
    const frame = copyOf(plate);
    const mask = Float32Array.from({ length: 256 * 256 }, (_, i) => (i % 256 < 128 ? 1 : 0));
    const seen = { plateToCrop: [1, 0, 128 - X, 0, 1, 128 - Y] as const, size: 256, mask };
    enlargeDetail(frame, plate, LANDMARKS, { ...SETTINGS, seen, gain: 2.5, strength: 1 });
    const changed = { left: 0, right: 0 };
    frame.planes[0].samples.forEach((sample, i) => {
      if (sample !== plate.planes[0].samples[i]) changed[i % 640 < X ? 'left' : 'right'] += 1;
    });
    expect(changed.left).toBeGreaterThan(1000);
    expect(changed.right).toBeLessThan(0.03 * changed.left);
  });

  it('leaves a face alone that has its detail', async () => {
    const plate = await drawn();
    expect(detailGain(plate, plate, LANDMARKS, SETTINGS)).toBe(0);
    const frame = copyOf(plate);
    enlargeDetail(frame, plate, LANDMARKS, { ...SETTINGS, gain: 0, strength: 1 });
    expect(Buffer.compare(frame.bytes, plate.bytes)).toBe(0);
  });
});

describe("a track's strength", () => {
  /** Identity turns by the brightness written, so that the drift at a strength is known: 1 - cos(turn * strength). */
  async function sampleThatTurns(turn: number) {
    const frame = await drawn();
    frame.planes[0].samples.fill(0);
    const write = (target: Frame, strength: number) => target.planes[0].samples.fill(Math.round(200 * strength));
    const identityOf = async (shown: Frame) => {
      const angle = (turn * shown.planes[0].samples[0]!) / 200;
      return Float32Array.of(Math.cos(angle), Math.sin(angle));
    };
    return { sample: { frame, landmarks: LANDMARKS, write }, identityOf };
  }

  it('is the one asked for where identity holds, and lower where it would drift', async () => {
    const { sample, identityOf } = await sampleThatTurns(1);
    const free = await strengthWithinDrift([sample], { strength: 0.8, maxDrift: 0.5 }, identityOf);
    expect(free.strength).toBe(0.8);
    const bound = await strengthWithinDrift([sample], { strength: 0.8, maxDrift: 0.1 }, identityOf);
    // cos(0.451) = 0.9.
    expect(bound.strength).toBeGreaterThan(0.42);
    expect(bound.strength).toBeLessThanOrEqual(0.455);
    expect(bound.drift).toBeLessThanOrEqual(0.1);
    expect(await strengthWithinDrift([sample], { strength: 0.8, maxDrift: 0 }, identityOf)).toMatchObject({ drift: 0 });
  });

  it('is decided by the frame that drifts most', async () => {
    const [calm, wild] = [await sampleThatTurns(0.2), await sampleThatTurns(1)];
    const identityOf = (shown: Frame, landmarks: ArrayLike<number>) =>
      landmarks === LANDMARKS ? wild.identityOf(shown) : calm.identityOf(shown);
    const others = { ...calm.sample, landmarks: [...LANDMARKS] };
    const bound = { strength: 1, maxDrift: 0.1 };
    expect((await strengthWithinDrift([others], bound, identityOf)).strength).toBe(1);
    expect((await strengthWithinDrift([others, wild.sample], bound, identityOf)).strength).toBeLessThan(0.46);
  });
});
