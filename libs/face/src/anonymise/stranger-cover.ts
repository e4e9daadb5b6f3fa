import type { FrameSpec, Raster } from '@understudy/frame';

import { LANDMARK_COUNT } from '../replace/canonical-face.js';
import { evaluateOnGrid, fitThinPlate } from '../replace/thin-plate.js';
import { type Cover, GREY } from './covers.js';
import { type CoveredFace, headRegion, type HeadRegion, MIDDLE_DEPTH, regionBounds, usualHead } from './head-region.js';
import { sampleFromRgb } from './plane-sample.js';
import { type Bearing, bearingOf, type Stranger } from './stranger.js';

const RADIAN = Math.PI / 180;

/** Between these a stranger turns into the plain cover: a portrait from the front does not show what is further round. */
const TURNED = { from: 32 * RADIAN, to: 44 * RADIAN };
const TILTED = { from: 28 * RADIAN, to: 40 * RADIAN };
/** The same for small faces, in pixels between the outer eye corners. */
const SMALL = { from: 14, to: 9 };

/** Share of the plain cover: 0 shows the stranger alone. It goes up smoothly, so that nothing flickers. */
export function plainShare(size: number, { yaw, pitch }: Bearing): number {
  return Math.max(
    rise(Math.abs(yaw), TURNED.from, TURNED.to),
    rise(Math.abs(pitch), TILTED.from, TILTED.to),
    rise(-size, -SMALL.from, -SMALL.to),
  );
}

function rise(value: number, from: number, to: number): number {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** Whether anything of a stranger would be seen over this face. */
export function showsStranger(face: CoveredFace, margin: number): boolean {
  return plainShare(headRegion(face, margin).radiusY / usualHead(margin).radiusY, bearingOf(face.landmarks)) < 1;
}

/** Pixels between the nodes at which the warp is computed, in parts of the outer-eye-corner distance. */
const NODE = 0.06;

/**
 * A cover that shows a stranger's head. Where it lies comes from the region, which is a usual head's, and how it is held from
 * the bearing; so the same region and bearing look the same, whoever is covered.
 *
 * @returns null where a stranger can't be shown: the plain cover is meant
 */
export function strangerCover(region: HeadRegion, margin: number, bearing: Bearing, stranger: Stranger): Cover | null {
  const usual = usualHead(margin);
  const size = region.radiusY / usual.radiusY;
  const plain = plainShare(size, bearing);
  if (plain >= 1) return null;
  const points = pointsInPlate(region, usual.centreY, size, bearing, stranger.onHead);
  const smoothing = new Float64Array(points.length / 2).fill(SMOOTHING);
  const spline = fitThinPlate(points, stranger.inPortrait, 2, smoothing, size);
  const step = Math.max(2, NODE * size);
  const bounds = regionBounds(region);
  const odd = (length: number): number => 2 * Math.ceil((length / step + 4) / 2) + 1;
  const grid = {
    x0: bounds.x - 2 * step,
    y0: bounds.y - 2 * step,
    step,
    cols: odd(bounds.width),
    rows: odd(bounds.height),
  };
  const nodes = evaluateOnGrid(spline, grid);
  return (spec, plane) => {
    const read = portraitReader(stranger, stranger.scale / size, spec, plane);
    const grey = sampleFromRgb(spec, plane)(GREY);
    return (x, y) => {
      const across = (x - grid.x0) / step;
      const down = (y - grid.y0) / step;
      const column = Math.min(grid.cols - 2, Math.max(0, Math.floor(across)));
      const row = Math.min(grid.rows - 2, Math.max(0, Math.floor(down)));
      const [s, t] = [across - column, down - row];
      const at = 2 * (row * grid.cols + column);
      const below = at + 2 * grid.cols;
      const portraitX =
        (1 - t) * ((1 - s) * nodes[at]! + s * nodes[at + 2]!) + t * ((1 - s) * nodes[below]! + s * nodes[below + 2]!);
      const portraitY =
        (1 - t) * ((1 - s) * nodes[at + 1]! + s * nodes[at + 3]!) +
        t * ((1 - s) * nodes[below + 1]! + s * nodes[below + 3]!);
      const sample = read(portraitX, portraitY);
      return sample + plain * (grey - sample);
    };
  };
}

/** Lets the spline miss its points a little rather than fold between those that come close when a head turns. */
const SMOOTHING = 1e-3;

/** Lower lip and jaw go down with the mouth's opening: these points by these shares. */
function droop(point: number): number {
  if (point >= 65 && point < LANDMARK_COUNT) return 1;
  if (point >= 55 && point <= 59) return 1;
  if (point >= 5 && point <= 11) return 0.8;
  return point === 4 || point === 12 ? 0.5 : 0;
}

function pointsInPlate(
  { centreX, centreY, cos, sin }: HeadRegion,
  middleY: number,
  size: number,
  { yaw, pitch, mouth }: Bearing,
  onHead: Float64Array,
): Float64Array {
  const points = new Float64Array((2 * onHead.length) / 3);
  for (let i = 0; i < points.length / 2; i++) {
    const x = onHead[3 * i]!;
    const y = onHead[3 * i + 1]! - middleY + mouth * droop(i);
    const z = onHead[3 * i + 2]! - MIDDLE_DEPTH;
    const turned = x * Math.cos(yaw) + z * Math.sin(yaw);
    const depth = z * Math.cos(yaw) - x * Math.sin(yaw);
    const tilted = y * Math.cos(pitch) + depth * Math.sin(pitch);
    points[2 * i] = centreX + size * (cos * turned - sin * tilted);
    points[2 * i + 1] = centreY + size * (sin * turned + cos * tilted);
  }
  return points;
}

/** Reads the portrait, as samples of a plane, at the resolution that is shown, between two of its levels. */
function portraitReader(
  stranger: Stranger,
  pixelsPerPixel: number,
  spec: FrameSpec,
  plane: 0 | 1 | 2,
): (x: number, y: number) => number {
  const levels = portraitPlanes(stranger, spec, plane);
  const level = Math.min(levels.length - 1, Math.max(0, Math.log2(pixelsPerPixel)));
  const fine = Math.min(levels.length - 2, Math.floor(level));
  const [first, second] = [levels[fine]!, levels[fine + 1]!];
  const share = level - fine;
  return (x, y) => {
    const sample = bilinear(first, x * 0.5 ** fine, y * 0.5 ** fine);
    if (share === 0) return sample;
    return sample + share * (bilinear(second, x * 0.5 ** (fine + 1), y * 0.5 ** (fine + 1)) - sample);
  };
}

/** At continuous coordinates; beyond the border its edge repeats. */
function bilinear({ width, height, samples }: Raster, x: number, y: number): number {
  const column = Math.min(width - 1.001, Math.max(0, x - 0.5));
  const row = Math.min(height - 1.001, Math.max(0, y - 0.5));
  const [left, top] = [Math.floor(column), Math.floor(row)];
  const [s, t] = [column - left, row - top];
  const at = top * width + left;
  const upper = samples[at]! + s * (samples[at + 1]! - samples[at]!);
  const lower = samples[at + width]! + s * (samples[at + width + 1]! - samples[at + width]!);
  return upper + t * (lower - upper);
}

/** A portrait's samples stay the same through a clip. */
const planesOf = new WeakMap<Stranger, Map<string, readonly Raster[]>>();

function portraitPlanes(stranger: Stranger, spec: FrameSpec, plane: 0 | 1 | 2): readonly Raster[] {
  const known = planesOf.get(stranger) ?? new Map<string, readonly Raster[]>();
  planesOf.set(stranger, known);
  const key = `${spec.format} ${spec.matrix} ${spec.range} ${plane}`;
  let levels = known.get(key);
  if (levels === undefined) {
    const toSample = sampleFromRgb(spec, plane);
    levels = stranger.levels.map(({ width, height, rgb }) => {
      const samples = Float32Array.from({ length: width * height }, (_, i) =>
        toSample([rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!]),
      );
      return { width, height, samples };
    });
    known.set(key, levels);
  }
  return levels;
}
