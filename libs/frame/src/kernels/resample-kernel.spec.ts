import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { resample, type Raster } from '../resample.js';
import { SOURCE_SHA256 } from './resample.wasm.js';

test('the compiled kernel is that of its source; else run kernels/build.mjs', () => {
  const folder = fileURLToPath(new URL('../../kernels', import.meta.url));
  const sha256 = createHash('sha256');
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  for (const name of files.toSorted()) sha256.update(readFileSync(join(folder, name)));
  expect(sha256.digest('hex')).toBe(SOURCE_SHA256);
});

/** Numbers that look like chance, the same ones each time. */
function noise(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

const WIDTH = 37;
const HEIGHT = 29;
const RASTERS: ReadonlyArray<readonly [string, Raster]> = [
  ['bytes', new Uint8Array(WIDTH * HEIGHT), 255] as const,
  ['words', new Uint16Array(WIDTH * HEIGHT), 1023] as const,
  ['floats', new Float32Array(WIDTH * HEIGHT), 1] as const,
].map(([name, samples, largest]) => {
  const next = noise(17);
  for (let i = 0; i < samples.length; i++) samples[i] = largest === 1 ? next() - 0.5 : Math.round(next() * largest);
  return [name, { width: WIDTH, height: HEIGHT, samples }] as const;
});

const sampleAt = ({ width, height, samples }: Raster, x: number, y: number): number =>
  samples[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))]!;

/** What one output sample sees along one axis, sample by sample of the source. */
function weightsAlong(step: number, centre: number): Map<number, number> {
  const box = step >= 1.4;
  const radius = box ? step / 2 : Math.max(1, step);
  const found = new Map<number, number>();
  let sum = 0;
  for (let at = Math.floor(centre - radius) - 1; at <= centre + radius + 1; at++) {
    const weight = box
      ? Math.max(0, Math.min(at + 1, centre + radius) - Math.max(at, centre - radius))
      : Math.max(0, 1 - Math.abs(at + 0.5 - centre) / radius);
    found.set(at, weight);
    sum += weight;
  }
  for (const [at, weight] of found) found.set(at, weight / sum);
  return found;
}

function separable(source: Raster, [a, , c, , e, f]: readonly number[], x: number, y: number): number {
  let sum = 0;
  for (const [row, down] of weightsAlong(e!, (y + 0.5) * e! + f!)) {
    for (const [column, across] of weightsAlong(a!, (x + 0.5) * a! + c!)) {
      sum += down * across * sampleAt(source, column, row);
    }
  }
  return sum;
}

function readAt(source: Raster, x: number, y: number): number {
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [fx, fy] = [x - 0.5 - left, y - 0.5 - top];
  const row = (at: number) => sampleAt(source, left, at) * (1 - fx) + sampleAt(source, left + 1, at) * fx;
  return row(top) * (1 - fy) + row(top + 1) * fy;
}

describe.each(RASTERS)('of %s', (_, source) => {
  const scale = source.samples instanceof Float32Array ? 1 : 255;

  test.each([
    ['as it is', [1, 0, 0, 0, 1, 0]],
    ['shifted', [1, 0, 3.25, 0, 1, 2.75]],
    ['enlarged', [0.31, 0, 5.2, 0, 0.47, 3.1]],
    ['shrunk by a box', [2.7, 0, -1.3, 0, 3.9, 0.4]],
    ['shrunk by a tent', [1.2, 0, 0.3, 0, 1.3, -0.2]],
    ['from far around', [6.1, 0, -31, 0, 5.3, -25]],
    ['from beyond the edge', [0.5, 0, 400, 0, 0.5, -300]],
  ] as const)('upright, %s', (__, map) => {
    const [width, height] = [13, 11];
    const out = new Float32Array(width * height);
    resample(source, map, width, height, out);
    for (let i = 0; i < out.length; i++) {
      expect(Math.abs(out[i]! - separable(source, map, i % width, Math.floor(i / width)))).toBeLessThan(1e-4 * scale);
    }
  });

  test.each([
    ['a little', [0.9, 0.1, 8, -0.1, 0.9, 7], 1, 1],
    ['much, one sample each', [-0.4, 0.7, 14, -0.7, -0.4, 22], 1, 1],
    ['and shrunk: four samples each', [1.6, 0.3, 6, -0.3, 1.6, 7], 2, 2],
  ] as const)('turned %s', (__, map, across, down) => {
    const [width, height] = [11, 9];
    const out = new Float32Array(width * height);
    resample(source, map, width, height, out);
    const [a, b, c, d, e, f] = map;
    for (let i = 0; i < out.length; i++) {
      let expected = 0;
      for (let j = 0; j < across * down; j++) {
        const u = (i % width) + ((j % across) + 0.5) / across;
        const v = Math.floor(i / width) + (Math.floor(j / across) + 0.5) / down;
        expected += readAt(source, a * u + b * v + c, d * u + e * v + f) / (across * down);
      }
      expect(Math.abs(out[i]! - expected)).toBeLessThan(1e-3 * scale);
    }
  });
});
