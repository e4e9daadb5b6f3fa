import type { Plane } from '@understudy/frame';
import { resample } from '@understudy/frame';

/** A part of a plane, in whole samples inside it. */
export interface PlaneArea {
  readonly plane: Plane;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The sample that is written at a column and row of the plane. */
export type Cover = (x: number, y: number) => number;

/** Spread of the blur in parts of the face's width: eyes, nose and mouth melt into one spot. */
const BLUR_SIGMA = 0.16;

/** The blur is made on a grid of this many samples per sigma, and drawn back smoothly. */
const SAMPLES_PER_SIGMA = 2;

/** About this many cells lie across a face. */
const CELLS_PER_FACE = 6;

/** A Gaussian blur of the area, wide enough that no feature of the face is left. */
export function blurCover(area: PlaneArea, faceWidth: number, faceHeight: number): Cover {
  const stepX = Math.max(1, (faceWidth * BLUR_SIGMA) / SAMPLES_PER_SIGMA);
  const stepY = Math.max(1, (faceHeight * BLUR_SIGMA) / SAMPLES_PER_SIGMA);
  const columns = Math.max(1, Math.ceil(area.width / stepX));
  const rows = Math.max(1, Math.ceil(area.height / stepY));
  const coarse = new Float32Array(columns * rows);
  resample(area.plane, [area.width / columns, 0, area.left, 0, area.height / rows, area.top], columns, rows, coarse);
  blurAlong(coarse, columns, rows, 1, columns);
  blurAlong(coarse, rows, columns, columns, 1);
  const fine = new Float32Array(area.width * area.height);
  const source = { width: columns, height: rows, samples: coarse };
  const toCoarse = [columns / area.width, 0, 0, 0, rows / area.height, 0] as const;
  resample(source, toCoarse, area.width, area.height, fine);
  return (x, y) => fine[(y - area.top) * area.width + (x - area.left)]!;
}

const KERNEL = Array.from({ length: 6 * SAMPLES_PER_SIGMA + 1 }, (_, index) =>
  Math.exp(-0.5 * ((index - 3 * SAMPLES_PER_SIGMA) / SAMPLES_PER_SIGMA) ** 2),
);
const KERNEL_SUM = KERNEL.reduce((sum, weight) => sum + weight, 0);

/** Blurs lines of `length` samples, `stride` apart, in place; lines are `next` apart. Edge samples repeat. */
function blurAlong(samples: Float32Array, length: number, lines: number, stride: number, next: number): void {
  const line = new Float32Array(length);
  const reach = (KERNEL.length - 1) / 2;
  for (let start = 0; start < lines; start++) {
    for (let i = 0; i < length; i++) line[i] = samples[start * next + i * stride]!;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      KERNEL.forEach((weight, tap) => {
        sum += weight * line[Math.min(length - 1, Math.max(0, i + tap - reach))]!;
      });
      samples[start * next + i * stride] = sum / KERNEL_SUM;
    }
  }
}

/**
 * Flat cells on a grid that is fixed to the plate. Their size goes in steps, so that cells do not crawl while a face comes
 * nearer, and they cover the same part of the picture in every plane.
 */
export function pixelCover(area: PlaneArea, faceWidth: number, scaleX: number, scaleY: number): Cover {
  const cell = cellSize(faceWidth);
  const cellWidth = Math.max(1, Math.round(cell * scaleX));
  const cellHeight = Math.max(1, Math.round(cell * scaleY));
  const means = new Map<number, number>();
  const { plane } = area;
  const columns = Math.ceil(plane.width / cellWidth);
  return (x, y) => {
    const column = Math.floor(x / cellWidth);
    const row = Math.floor(y / cellHeight);
    const key = row * columns + column;
    let mean = means.get(key);
    if (mean === undefined) {
      // Taken whole at the first read, before anything in the cell is written.
      mean = cellMean(plane, column * cellWidth, row * cellHeight, cellWidth, cellHeight);
      means.set(key, mean);
    }
    return mean;
  };
}

/** Even, so that subsampled planes get whole cells; in steps of a quarter. */
function cellSize(faceWidth: number): number {
  const step = Math.round(Math.log(faceWidth / CELLS_PER_FACE) / Math.log(1.25));
  return Math.max(4, 2 * Math.round(1.25 ** step / 2));
}

function cellMean(plane: Plane, left: number, top: number, width: number, height: number): number {
  const right = Math.min(plane.width, left + width);
  const bottom = Math.min(plane.height, top + height);
  let sum = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) sum += plane.samples[y * plane.width + x]!;
  }
  return sum / ((right - left) * (bottom - top));
}

/** One value for all. */
export function solidCover(value: number): Cover {
  const sample = Math.round(value);
  return () => sample;
}
