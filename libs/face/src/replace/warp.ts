import type { FloatPlane } from '../blend/plane.js';
import { createPlane } from '../blend/plane.js';
import { CANONICAL_CONTROLS, CONTROL_COUNT, MIRRORED_CONTROL } from './canonical-face.js';
import { DETAIL_CHANNELS } from './detail.js';
import type { DetailTexture, PreparedFace } from './identity.js';
import type { HeadPose } from './pose.js';
import { evaluateOnGrid, fitThinPlate } from './thin-plate.js';

/** One texture a face may be drawn from: an identity image as it is, or seen in a mirror. */
export interface TextureSource {
  readonly face: PreparedFace;
  readonly mirrored: boolean;
}

/** Yaw difference, in radians, over which a texture seen from another side loses its say. */
const YAW_TOLERANCE = 0.18;
/** How sharply a texture that sees a spot head-on wins over one that sees it at a slant. */
const VISIBILITY_POWER = 6;
const MINIMUM_SHARE = 0.03;
/** Half width of the generic head's ellipse, where its surface turns away. */
const HEAD_RADIUS = 0.85;
const FORM = DETAIL_CHANNELS - 1;

/** How far the warp may miss a point: the outline slides along a turning head, extrapolated points are guesses. */
const SMOOTHING = Float64Array.from({ length: CONTROL_COUNT }, (_, i) =>
  i < 17 ? 0.03 : i < 27 ? 0.004 : i < 68 ? 0.002 : i < 77 ? 0.03 : 0.006,
);

interface Grid {
  readonly x0: number;
  readonly y0: number;
  readonly step: number;
  readonly cols: number;
  readonly rows: number;
}

function yawOf(source: TextureSource): number {
  return source.mirrored ? -source.face.pose.yaw : source.face.pose.yaw;
}

/** How well a source's overall pose suits the plate's, 0..1. */
export function poseAgreement(source: TextureSource, plate: HeadPose): number {
  const yaw = yawOf(source) - plate.yaw;
  const pitch = source.face.pose.pitch - plate.pitch;
  return Math.exp(-(yaw ** 2 + (pitch * 0.7) ** 2) / (2 * YAW_TOLERANCE ** 2));
}

/**
 * Draws the identity's detail in the plate's pose and expression.
 *
 * @param controls the plate face's control points in the work crop's pixel-centre coordinates.
 * @param plate the plate head's pose in the work crop.
 * @param mask of the crop's size; nothing is drawn where it is 0.
 * @returns {@link DETAIL_CHANNELS} planes.
 */
export function warpDetail(
  sources: readonly TextureSource[],
  plate: HeadPose,
  controls: Float64Array,
  mask: FloatPlane,
): FloatPlane[] {
  const { width, height } = mask;
  const step = Math.max(2, Math.round(plate.scale / 28));
  const grid = { x0: 0, y0: 0, step, cols: Math.ceil(width / step) + 2, rows: Math.ceil(height / step) + 2 };
  const nodes = mapNodes(sources, controls, plate.scale, grid);
  const out = Array.from({ length: DETAIL_CHANNELS }, () => createPlane(width, height));
  const shares = shareNodes(sources, plate, nodes);
  sources.forEach((source, k) => {
    const share = shares[k]!;
    if (share.some((value) => value > 0))
      addSource(out, source, plate.scale, nodes, k, sources.length, share, grid, mask);
  });
  enlargeNodes(formAtNodes(sources, nodes), grid, out[FORM]!);
  return out;
}

/** For each node: the texture position in every source, then the frontal x of the generic head. */
function mapNodes(sources: readonly TextureSource[], controls: Float64Array, scale: number, grid: Grid): Float32Array {
  const columns = 2 * sources.length + 1;
  const values = new Float64Array(CONTROL_COUNT * columns);
  for (let i = 0; i < CONTROL_COUNT; i++) {
    sources.forEach((source, k) => {
      const from = source.mirrored ? MIRRORED_CONTROL[i]! : i;
      values[i * columns + 2 * k] = source.face.controls[from * 2]!;
      values[i * columns + 2 * k + 1] = source.face.controls[from * 2 + 1]!;
    });
    values[i * columns + columns - 1] = CANONICAL_CONTROLS[i * 2]!;
  }
  return evaluateOnGrid(fitThinPlate(controls, values, columns, SMOOTHING, scale), grid);
}

function facing(source: TextureSource, canonicalX: number): number {
  const normal = Math.asin(Math.max(-0.98, Math.min(0.98, canonicalX / HEAD_RADIUS)));
  return Math.max(0.05, Math.cos(normal + yawOf(source)));
}

/** Each source's share of the fine structure at the nodes, summing to 1; sources without a real say are dropped. */
function shareNodes(sources: readonly TextureSource[], plate: HeadPose, nodes: Float32Array): Float32Array[] {
  const columns = 2 * sources.length + 1;
  const count = nodes.length / columns;
  const agreements = sources.map((source) => poseAgreement(source, plate));
  const best = Math.max(...agreements);
  const kept = agreements.map((agreement) => Math.max(0, agreement / best - MINIMUM_SHARE));
  const shares = sources.map(() => new Float32Array(count));
  for (let n = 0; n < count; n++) {
    const x = nodes[n * columns + columns - 1]!;
    let total = 0;
    sources.forEach((source, k) => {
      const share = kept[k]! * facing(source, x) ** VISIBILITY_POWER;
      shares[k]![n] = share;
      total += share;
    });
    for (const share of shares) share[n]! /= total;
  }
  return shares;
}

/**
 * The broad structure at the nodes, from every source alike where each sees it: an image and its mirror image
 * together have no light from one side.
 */
function formAtNodes(sources: readonly TextureSource[], nodes: Float32Array): Float32Array {
  const columns = 2 * sources.length + 1;
  const out = new Float32Array(nodes.length / columns);
  const sample = new Float32Array(DETAIL_CHANNELS);
  for (let n = 0; n < out.length; n++) {
    const x = nodes[n * columns + columns - 1]!;
    let total = 0;
    let sum = 0;
    sources.forEach((source, k) => {
      const share = facing(source, x) ** 2;
      sampleTexture(source.face.textures[0]!, nodes[n * columns + 2 * k]!, nodes[n * columns + 2 * k + 1]!, sample);
      sum += share * sample[FORM]!;
      total += share;
    });
    out[n] = sum / total;
  }
  return out;
}

/** Adds one source's fine structure and colour, weighted by its share, interpolating position and share between nodes. */
function addSource(
  out: readonly FloatPlane[],
  source: TextureSource,
  scale: number,
  nodes: Float32Array,
  index: number,
  sourceCount: number,
  share: Float32Array,
  grid: Grid,
  mask: FloatPlane,
): void {
  const columns = 2 * sourceCount + 1;
  const { texture, factor } = chooseTexture(source.face, scale);
  const { width, height } = out[0]!;
  const { detail } = texture;
  const n = DETAIL_CHANNELS;
  const stride = texture.width * n;
  const maxX = texture.width - 1.001;
  const maxY = texture.height - 1.001;
  const [fine, red, blue] = [out[0]!.data, out[1]!.data, out[2]!.data];
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / grid.step);
    const fy = y / grid.step - row;
    for (let x = 0; x < width; x++) {
      if (mask.data[y * width + x] === 0) continue;
      const col = (x / grid.step) | 0;
      const fx = x / grid.step - col;
      const node = row * grid.cols + col;
      const w11 = fx * fy;
      const w10 = fx - w11;
      const w01 = fy - w11;
      const w00 = 1 - fx - w01;
      const below = node + grid.cols;
      const part = w00 * share[node]! + w10 * share[node + 1]! + w01 * share[below]! + w11 * share[below + 1]!;
      if (part < 0.004) continue;
      const a = node * columns + 2 * index;
      const b = a + columns;
      const c = a + grid.cols * columns;
      const d = c + columns;
      let u = w00 * nodes[a]! + w10 * nodes[b]! + w01 * nodes[c]! + w11 * nodes[d]!;
      let v = w00 * nodes[a + 1]! + w10 * nodes[b + 1]! + w01 * nodes[c + 1]! + w11 * nodes[d + 1]!;
      u = (u + 0.5) / factor - 0.5;
      v = (v + 0.5) / factor - 0.5;
      u = u < 0 ? 0 : u > maxX ? maxX : u;
      v = v < 0 ? 0 : v > maxY ? maxY : v;
      const ui = u | 0;
      const vi = v | 0;
      const uf = u - ui;
      const vf = v - vi;
      const p = vi * stride + ui * n;
      const q = p + stride;
      const t11 = uf * vf * part;
      const t10 = uf * part - t11;
      const t01 = vf * part - t11;
      const t00 = part - uf * part - t01;
      const at = y * width + x;
      fine[at]! += t00 * detail[p]! + t10 * detail[p + n]! + t01 * detail[q]! + t11 * detail[q + n]!;
      red[at]! += t00 * detail[p + 1]! + t10 * detail[p + n + 1]! + t01 * detail[q + 1]! + t11 * detail[q + n + 1]!;
      blue[at]! += t00 * detail[p + 2]! + t10 * detail[p + n + 2]! + t01 * detail[q + 2]! + t11 * detail[q + n + 2]!;
    }
  }
}

function enlargeNodes(values: Float32Array, grid: Grid, out: FloatPlane): void {
  const { width, height } = out;
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / grid.step);
    const fy = y / grid.step - row;
    for (let x = 0; x < width; x++) {
      const col = (x / grid.step) | 0;
      const fx = x / grid.step - col;
      const n = row * grid.cols + col;
      const below = n + grid.cols;
      out.data[y * width + x] =
        (values[n]! * (1 - fx) + values[n + 1]! * fx) * (1 - fy) +
        (values[below]! * (1 - fx) + values[below + 1]! * fx) * fy;
    }
  }
}

/** The smallest texture that still has about the plate's resolution. */
function chooseTexture(face: PreparedFace, scale: number): { texture: DetailTexture; factor: number } {
  let level = 0;
  while (level + 1 < face.textures.length && face.scale / 2 ** (level + 1) >= scale * 0.8) level++;
  return { texture: face.textures[level]!, factor: 2 ** level };
}

function sampleTexture(texture: DetailTexture, x: number, y: number, out: Float32Array): void {
  const { width, height, detail } = texture;
  const cx = x < 0 ? 0 : x > width - 1.001 ? width - 1.001 : x;
  const cy = y < 0 ? 0 : y > height - 1.001 ? height - 1.001 : y;
  const x0 = cx | 0;
  const y0 = cy | 0;
  const fx = cx - x0;
  const fy = cy - y0;
  const n = DETAIL_CHANNELS;
  const a = (y0 * width + x0) * n;
  const b = a + width * n;
  for (let c = 0; c < n; c++) {
    const top = detail[a + c]! * (1 - fx) + detail[a + n + c]! * fx;
    const bottom = detail[b + c]! * (1 - fx) + detail[b + n + c]! * fx;
    out[c] = top * (1 - fy) + bottom * fy;
  }
}
