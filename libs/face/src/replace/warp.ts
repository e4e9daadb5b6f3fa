import type { Bounds } from '../blend/gaussian.js';
import { CANONICAL_CONTROLS, CONTROL_COUNT, MIRRORED_CONTROL } from './canonical-face.js';
import { DETAIL_CHANNELS } from './detail.js';
import { type DetailTexture, LEAST_RESOLUTION, type PreparedFace } from './identity.js';
import type { HeadPose } from './pose.js';
import type { FaceJob, Grid } from './replace-kernel.js';
import { evaluateOnGrid, fitThinPlate } from './thin-plate.js';

/** One texture a face may be drawn from: an identity image as it is, or seen in a mirror. */
export interface TextureSource {
  readonly face: PreparedFace;
  readonly mirrored: boolean;
}

/** Yaw difference, in radians, over which a texture seen from another side loses its say. */
const YAW_TOLERANCE = 0.18;
const MINIMUM_SHARE = 0.03;
/** An image seen in a mirror stands in for a side that no image shows; where one does, it has half a say. */
const MIRRORED_SAY = 0.5;
/** Part of the strongest source's share at a spot up to which another one is left out: few textures blur less and cost less. */
const FAINT_SHARE = 0.1;
/** Half width of the generic head's ellipse, where its surface turns away. */
const HEAD_RADIUS = 0.85;
const FORM = DETAIL_CHANNELS - 1;

/** How far the warp may miss a point: the outline slides along a turning head, extrapolated points are guesses. */
const SMOOTHING = Float64Array.from({ length: CONTROL_COUNT }, (_, i) =>
  i < 17 ? 0.03 : i < 27 ? 0.004 : i < 68 ? 0.002 : i < 77 ? 0.03 : 0.006,
);

function yawOf(source: TextureSource): number {
  return source.mirrored ? -source.face.pose.yaw : source.face.pose.yaw;
}

/** How well a source's overall pose suits the plate's, 0..1. */
export function poseAgreement(source: TextureSource, plate: HeadPose): number {
  const yaw = yawOf(source) - plate.yaw;
  const pitch = source.face.pose.pitch - plate.pitch;
  return Math.exp(-(yaw ** 2 + (pitch * 0.7) ** 2) / (2 * YAW_TOLERANCE ** 2));
}

/** The textures of an identity that a plate face of this scale is drawn from, one an image. */
export function texturesFor(faces: readonly PreparedFace[], scale: number): DetailTexture[] {
  return faces.map((face) => chooseTexture(face, scale).texture);
}

/**
 * Draws the identity's detail in the plate's pose and expression.
 *
 * @param controls the plate face's control points in the work crop's pixel-centre coordinates.
 * @param plate the plate head's pose in the work crop.
 * @param shown where something is drawn.
 * @returns the nodes of the warp with the broad structure there.
 */
export function warpDetail(
  job: FaceJob,
  sources: readonly TextureSource[],
  plate: HeadPose,
  controls: Float64Array,
  shown: Bounds,
): { readonly form: Float32Array; readonly grid: Grid } {
  const grid = gridOver(shown, Math.max(2, Math.round(plate.scale / 28)));
  const nodes = mapNodes(sources, controls, plate.scale, grid);
  const shares = shareNodes(sources, plate, nodes);
  sources.forEach((source, k) => {
    const share = shares[k]!;
    if (!share.some((value) => value > 0)) return;
    const { texture, factor } = chooseTexture(source.face, plate.scale);
    job.addTexture(texture, factor, nodesOf(nodes, share, k, sources.length), grid);
  });
  return { form: formAtNodes(sources, nodes), grid };
}

/** Share and texture position of one source, four numbers a node. */
function nodesOf(nodes: Float32Array, share: Float32Array, index: number, sourceCount: number): Float32Array {
  const columns = 2 * sourceCount + 1;
  const out = new Float32Array(4 * share.length);
  for (let n = 0, from = 2 * index, to = 0; n < share.length; n++, from += columns, to += 4) {
    out[to] = share[n]!;
    out[to + 1] = nodes[from]!;
    out[to + 2] = nodes[from + 1]!;
  }
  return out;
}

/** Odd numbers of nodes, so that every second one begins and ends a row. */
function gridOver(shown: Bounds, step: number): Grid {
  const nodes = (pixels: number): number => 2 * Math.ceil((pixels / step + 1) / 2) + 1;
  const { left, top, right, bottom } = shown;
  return { x0: left, y0: top, step, cols: nodes(right - left), rows: nodes(bottom - top) };
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

/** Cosine, at least 0.05, of the angle at which a head turned by a yaw shows the surface at a frontal x. */
function facing(cosYaw: number, sinYaw: number, canonicalX: number): number {
  const sine = Math.max(-0.98, Math.min(0.98, canonicalX / HEAD_RADIUS));
  return Math.max(0.05, Math.sqrt(1 - sine * sine) * cosYaw - sine * sinYaw);
}

/**
 * Each source's share of the fine structure at the nodes, summing to 1; sources without a real say are dropped. By the
 * sixth power a texture that sees a spot head-on wins over one that sees it at a slant.
 */
function shareNodes(sources: readonly TextureSource[], plate: HeadPose, nodes: Float32Array): Float32Array[] {
  const columns = 2 * sources.length + 1;
  const count = nodes.length / columns;
  const agreements = sources.map((source) => poseAgreement(source, plate));
  const best = Math.max(...agreements);
  const kept = agreements.map((agreement) => Math.max(0, agreement / best - MINIMUM_SHARE));
  const shares = sources.map(() => new Float32Array(count));
  const strongest = new Float32Array(count);
  sources.forEach((source, k) => {
    if (kept[k] === 0) return;
    const share = shares[k]!;
    const [cosYaw, sinYaw] = [Math.cos(yawOf(source)), Math.sin(yawOf(source))];
    const say = kept[k]! * (source.mirrored ? MIRRORED_SAY : 1);
    for (let n = 0; n < count; n++) {
      const seen = facing(cosYaw, sinYaw, nodes[n * columns + columns - 1]!);
      const squared = seen * seen;
      share[n] = say * squared * squared * squared;
      if (share[n]! > strongest[n]!) strongest[n] = share[n]!;
    }
  });
  const totals = new Float32Array(count);
  for (const share of shares) {
    for (let n = 0; n < count; n++) {
      share[n] = Math.max(0, share[n]! - FAINT_SHARE * strongest[n]!);
      totals[n]! += share[n]!;
    }
  }
  for (const share of shares) for (let n = 0; n < count; n++) share[n]! /= totals[n]!;
  return shares;
}

/**
 * The broad structure at the nodes, from every source alike where each sees it: an image and its mirror image
 * together have no light from one side.
 */
function formAtNodes(sources: readonly TextureSource[], nodes: Float32Array): Float32Array {
  const columns = 2 * sources.length + 1;
  const out = new Float32Array(nodes.length / columns);
  const totals = new Float32Array(out.length);
  sources.forEach((source, k) => {
    const texture = source.face.textures[0]!;
    const [cosYaw, sinYaw] = [Math.cos(yawOf(source)), Math.sin(yawOf(source))];
    for (let n = 0; n < out.length; n++) {
      const at = n * columns;
      const seen = facing(cosYaw, sinYaw, nodes[at + columns - 1]!);
      const share = seen * seen;
      out[n]! += share * sampleForm(texture, nodes[at + 2 * k]!, nodes[at + 2 * k + 1]!);
      totals[n]! += share;
    }
  });
  for (let n = 0; n < out.length; n++) out[n]! /= totals[n]!;
  return out;
}

/** The smallest texture that still has about the plate's resolution. */
function chooseTexture(face: PreparedFace, scale: number): { texture: DetailTexture; factor: number } {
  let level = 0;
  while (level + 1 < face.textures.length && face.scale / 2 ** (level + 1) >= scale * LEAST_RESOLUTION) level++;
  return { texture: face.textures[level]!, factor: 2 ** level };
}

function sampleForm({ width, height, detail }: DetailTexture, x: number, y: number): number {
  const cx = x < 0 ? 0 : x > width - 1.001 ? width - 1.001 : x;
  const cy = y < 0 ? 0 : y > height - 1.001 ? height - 1.001 : y;
  const x0 = cx | 0;
  const y0 = cy | 0;
  const fx = cx - x0;
  const n = DETAIL_CHANNELS;
  const a = (y0 * width + x0) * n + FORM;
  const b = a + width * n;
  const top = detail[a]! + (detail[a + n]! - detail[a]!) * fx;
  const bottom = detail[b]! + (detail[b + n]! - detail[b]!) * fx;
  return top + (bottom - top) * (cy - y0);
}
