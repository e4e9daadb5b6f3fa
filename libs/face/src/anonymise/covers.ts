import type { FrameSpec } from '@understudy/frame';

import { EDGE } from './head-region.js';
import { sampleFromRgb } from './plane-sample.js';
import { cellNoise, softNoise } from './seeded-noise.js';

/** R'G'B' of 0..255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** What is written at a point of the plate, in continuous plate coordinates; `u`, `v` are its place in the region. */
export type PlaneCover = (x: number, y: number, u: number, v: number) => number;

/**
 * A cover, made ready for one plane of a frame.
 *
 * No cover reads the samples it covers. A coarse picture of somebody, however blurred, is known again among pictures that
 * are coarse in the same way; what is shown instead is nobody's: it depends on where the head is and on the seed alone.
 */
export type Cover = (spec: FrameSpec, plane: 0 | 1 | 2) => PlaneCover;

const SKIN: Rgb = [172, 140, 123];
const HAIR: Rgb = [134, 114, 103];

/** Where the skin of a usual head lies in its region, and how softly it ends: with more contrast it is taken for a face. */
const FACE = { v: 0.12, across: 0.66, along: 0.64, softness: 0.6 };

/** Light from above: so much brighter at the top, so much darker at the bottom. */
const SHADE = 0.1;

/** The colours of a head that belongs to nobody, with all features melted away. */
export function headTone(u: number, v: number): Rgb {
  const distance = Math.hypot(u / FACE.across, (v - FACE.v) / FACE.along);
  const t = Math.min(1, Math.max(0, (1 + FACE.softness - distance) / (2 * FACE.softness)));
  const share = t * t * (3 - 2 * t);
  const light = 1 - SHADE * v;
  const mixed = (c: 0 | 1 | 2): number => light * (HAIR[c] + share * (SKIN[c] - HAIR[c]));
  return [mixed(0), mixed(1), mixed(2)];
}

/** Patches of light across half a head, and their amplitude in levels of 255. */
const PATCHES = 3;
const PATCH_AMPLITUDE = 7;

/** Soft tones are computed at so many places across a region, and drawn smoothly between them. */
const PLACES = 65;
const REACH = 1 + EDGE;

/** Soft patches, as a strong blur leaves them. */
export function blurCover(seed: number): Cover {
  return (spec, plane) => {
    const toSample = sampleFromRgb(spec, plane);
    const tones = Float32Array.from({ length: PLACES * PLACES }, (_, i) => {
      const u = REACH * ((2 * (i % PLACES)) / (PLACES - 1) - 1);
      const v = REACH * ((2 * Math.floor(i / PLACES)) / (PLACES - 1) - 1);
      return toSample(shifted(headTone(u, v), PATCH_AMPLITUDE * softNoise(seed, PATCHES * u, PATCHES * v)));
    });
    const perUnit = (PLACES - 1) / (2 * REACH);
    return (_x, _y, u, v) => {
      const across = Math.min(PLACES - 1.001, Math.max(0, (u + REACH) * perUnit));
      const down = Math.min(PLACES - 1.001, Math.max(0, (v + REACH) * perUnit));
      const [column, row] = [Math.floor(across), Math.floor(down)];
      const [s, t] = [across - column, down - row];
      const at = row * PLACES + column;
      const upper = tones[at]! + s * (tones[at + 1]! - tones[at]!);
      const lower = tones[at + PLACES]! + s * (tones[at + PLACES + 1]! - tones[at + PLACES]!);
      return upper + t * (lower - upper);
    };
  };
}

/** About this many cells lie across a region. */
const CELLS_ACROSS = 9;
const CELL_AMPLITUDE = 24;

/**
 * Flat cells on a grid that is fixed to the plate. Their size goes in steps, so that cells do not crawl while a face comes
 * nearer, and they cover the same part of the picture in every plane.
 *
 * @param place of a plate point in the region
 */
export function pixelCover(seed: number, radiusX: number, place: (x: number, y: number) => [number, number]): Cover {
  const cell = cellSize(radiusX);
  return (spec, plane) => {
    const toSample = sampleFromRgb(spec, plane);
    const known = new Map<number, number>();
    return (x, y) => {
      const [column, row] = [Math.floor(x / cell), Math.floor(y / cell)];
      const key = row * 0x10000 + column;
      let sample = known.get(key);
      if (sample === undefined) {
        const [u, v] = place((column + 0.5) * cell, (row + 0.5) * cell);
        sample = toSample(shifted(headTone(u, v), CELL_AMPLITUDE * cellNoise(seed, column, row)));
        known.set(key, sample);
      }
      return sample;
    };
  };
}

/** Even, so that subsampled planes get whole cells; in steps of a quarter. */
function cellSize(radiusX: number): number {
  const step = Math.round(Math.log((2 * radiusX) / CELLS_ACROSS) / Math.log(1.25));
  return Math.max(4, 2 * Math.round(1.25 ** step / 2));
}

export const GREY: Rgb = [90, 90, 90];

/** One value for all. */
export const solidCover: Cover = (spec, plane) => {
  const sample = sampleFromRgb(spec, plane)(GREY);
  return () => sample;
};

function shifted([red, green, blue]: Rgb, by: number): Rgb {
  return [red + by, green + by, blue + by];
}
