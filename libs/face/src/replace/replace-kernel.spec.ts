import { describe, expect, test } from 'vitest';

import { LUMA_FLOOR, toLogColour } from '../blend/log-colour.js';
import { createPlane, type FloatPlane } from '../blend/plane.js';
import { ReplaceKernel } from './replace-kernel.js';

const [WIDTH, HEIGHT] = [37, 22];
const COUNT = WIDTH * HEIGHT;
const GRID = { x0: 0, y0: 0, step: 6, cols: 9, rows: 7 };

/** A crop of many colours, 0..255. */
function colours(): Float32Array {
  return Float32Array.from({ length: 3 * COUNT }, (_, i) => (i * 7919) % 256);
}

function filled(value: number): FloatPlane {
  const plane = createPlane(WIDTH, HEIGHT);
  plane.data.fill(value);
  return plane;
}

/** Nothing is drawn: the light alone is the picture. */
function lit(mask: FloatPlane, lumaGain: number, redGain = 1) {
  const work = colours();
  const channels = [0, 1, 2].map((c) => ({
    width: WIDTH,
    height: HEIGHT,
    data: work.slice(c * COUNT, (c + 1) * COUNT).map((value) => value / 255),
  }));
  const light = toLogColour(channels);
  for (let i = 0; i < COUNT; i++) {
    light.luma.data[i]! += Math.log(lumaGain);
    light.red.data[i]! += Math.log(redGain);
  }
  const job = new ReplaceKernel().begin(work, WIDTH, HEIGHT);
  job.show(mask, 1);
  job.shade(new Float32Array(GRID.cols * GRID.rows), GRID, 0);
  return { work, change: job.finish({ ...light, grain: filled(0) }, 1, 1.5) };
}

describe('the compiled way from light to a change', () => {
  test('the light of the plate itself changes nothing', () => {
    const { change } = lit(filled(1), 1);
    expect(change).toMatchObject({ left: 0, top: 0, right: WIDTH, bottom: HEIGHT });
    for (const value of change.rgb) expect(Math.abs(value)).toBeLessThan(2e-3);
  });

  test('twice the light adds each sample once more, over the floor', () => {
    const { work, change } = lit(filled(1), 2);
    for (let i = 0; i < 3 * COUNT; i++) expect(change.rgb[i]).toBeCloseTo(work[i]! + 255 * LUMA_FLOOR, 1);
  });

  test('more red takes from green what keeps the luma', () => {
    const { work, change } = lit(filled(1), 1, 1.2);
    for (let i = 0; i < COUNT; i++) {
      const red = 0.2 * (work[i]! + 255 * LUMA_FLOOR);
      expect(change.rgb[i]).toBeCloseTo(red, 1);
      expect(change.rgb[COUNT + i]).toBeCloseTo((-0.299 * red) / 0.587, 1);
      expect(change.rgb[2 * COUNT + i]).toBeCloseTo(0, 1);
    }
  });

  test('the mask weighs the change, and where it is 0 nothing changes at all', () => {
    const mask = filled(0);
    for (let y = 5; y < 15; y++) for (let x = 9; x < 30; x++) mask.data[y * WIDTH + x] = 0.25;
    const { work, change } = lit(mask, 2);
    const width = change.right - change.left;
    expect([change.left, change.top, change.right, change.bottom]).toEqual([8, 4, 31, 16]);
    for (let y = change.top; y < change.bottom; y++) {
      for (let x = change.left; x < change.right; x++) {
        const value = change.rgb[(y - change.top) * width + x - change.left]!;
        if (mask.data[y * WIDTH + x] === 0) expect(value).toBe(0);
        else expect(value).toBeCloseTo(0.25 * (work[y * WIDTH + x]! + 255 * LUMA_FLOOR), 1);
      }
    }
  });
});

describe('textures', () => {
  const texture = { width: 40, height: 30, detail: new Float32Array(40 * 30 * 4) };
  for (let i = 0; i < 40 * 30; i++) texture.detail.set([(i % 40) / 100, Math.floor(i / 40) / 100, 0.3, 0], 4 * i);
  const nodes = (share: number): Float32Array => {
    const out = new Float32Array(4 * GRID.cols * GRID.rows);
    for (let n = 0; n < GRID.cols * GRID.rows; n++) {
      out.set(
        [share, 2 + 0.5 * GRID.step * (n % GRID.cols), 3 + 0.25 * GRID.step * Math.floor(n / GRID.cols), 0],
        4 * n,
      );
    }
    return out;
  };

  test('are drawn where the nodes say, by their share, with their broad structure', () => {
    const kernel = new ReplaceKernel();
    kernel.hold([texture]);
    const job = kernel.begin(colours(), WIDTH, HEIGHT);
    job.show(filled(1), 1);
    job.addTexture(texture, 1, nodes(0.75), GRID);
    job.addTexture(texture, 1, nodes(0.25), GRID);
    const [luma, red, blue] = job.shade(new Float32Array(GRID.cols * GRID.rows).fill(0.5), GRID, 0);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        expect(luma!.data[y * WIDTH + x]).toBeCloseTo(0.5 + (2 + 0.5 * x) / 100, 4);
        expect(red!.data[y * WIDTH + x]).toBeCloseTo((3 + 0.25 * y) / 100, 4);
        expect(blue!.data[y * WIDTH + x]).toBeCloseTo(0.3, 4);
      }
    }
  });

  test('that are not held are refused', () => {
    const job = new ReplaceKernel().begin(colours(), WIDTH, HEIGHT);
    job.show(filled(1), 1);
    expect(() => job.addTexture(texture, 1, nodes(1), GRID)).toThrow(RangeError);
  });

  test('stay when others are brought in', () => {
    const kernel = new ReplaceKernel();
    kernel.hold([texture]);
    kernel.begin(colours(), WIDTH, HEIGHT);
    kernel.hold([{ width: 8, height: 8, detail: new Float32Array(256).fill(9) }, texture]);
    const job = kernel.begin(colours(), WIDTH, HEIGHT);
    job.show(filled(1), 1);
    job.addTexture(texture, 1, nodes(1), GRID);
    const [, , blue] = job.shade(new Float32Array(GRID.cols * GRID.rows), GRID, 0);
    expect(blue!.data[100]).toBeCloseTo(0.3, 4);
  });
});
