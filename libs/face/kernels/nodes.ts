// AssemblyScript: compiled by libs/frame/kernels/build.mjs. Pointers are byte offsets into the module's memory; the caller
// lays it out. Planes are rows of floats without padding; all may be read and written up to 3 floats beyond their end.

import { log4 } from './maths';

/**
 * Adds a texture to what is drawn: fine luma, red and blue, four floats a pixel (the fourth is not used).
 *
 * @param nodes four floats a node: share, texture x, texture y, unused; `columns` a row, `step` pixels apart from (x0, y0).
 * @param texture four floats a texel.
 * @param perFactor size of the texture over that which the nodes' positions speak of.
 */
export function addTexture(
  nodes: usize,
  columns: i32,
  step: i32,
  x0: i32,
  y0: i32,
  right: i32,
  bottom: i32,
  texture: usize,
  textureWidth: i32,
  textureHeight: i32,
  perFactor: f32,
  mask: usize,
  width: i32,
  line: usize,
  out: usize,
): void {
  const stride = (<usize>textureWidth) << 4;
  const scale = f32x4(1, perFactor, perFactor, 0);
  const shift: f32 = 0.5 * perFactor - 0.5;
  const shifts = f32x4(0, shift, shift, 0);
  const largest = f32x4(1, <f32>textureWidth - 1.001, <f32>textureHeight - 1.001, 0);
  const perStep: f32 = 1 / <f32>step;
  const row = (<usize>columns) << 4;
  for (let y = y0; y < bottom; y++) {
    const node = (y - y0) / step;
    const down = f32x4.splat(<f32>(y - y0 - node * step) * perStep);
    const above = nodes + <usize>node * row;
    for (let c: usize = 0; c < row; c += 16) {
      const upper = v128.load(above + c);
      const mixed = f32x4.add(upper, f32x4.mul(f32x4.sub(v128.load(above + row + c), upper), down));
      const placed = f32x4.add(f32x4.mul(mixed, scale), shifts);
      v128.store(line + c, placed);
    }
    const base = y * width;
    let cell = line;
    for (let from = x0; from < right; from += step, cell += 16) {
      const a = v128.load(cell);
      const b = v128.load(cell, 16);
      if (f32x4.extract_lane(a, 0) <= 0 && f32x4.extract_lane(b, 0) <= 0) continue;
      const slope = f32x4.mul(f32x4.sub(b, a), f32x4.splat(perStep));
      const end = min<i32>(from + step, right);
      for (let x = from; x < end; x++) {
        const at = base + x;
        if (load<f32>(mask + ((<usize>at) << 2)) == 0) continue;
        const here = f32x4.add(a, f32x4.mul(slope, f32x4.splat(<f32>(x - from))));
        const share = f32x4.extract_lane(here, 0);
        if (share < 0.004) continue;
        const inside = f32x4.max(f32x4.min(here, largest), f32x4.splat(0));
        const whole = f32x4.trunc(inside);
        const rest = f32x4.sub(inside, whole);
        const fx = f32x4.extract_lane(rest, 1);
        const fy = f32x4.extract_lane(rest, 2);
        const p =
          texture +
          <usize>(<i32>f32x4.extract_lane(whole, 2)) * stride +
          ((<usize>(<i32>f32x4.extract_lane(whole, 1))) << 4);
        const q = p + stride;
        const t11 = fx * fy * share;
        const t10 = fx * share - t11;
        const t01 = fy * share - t11;
        const t00 = share - fx * share - t01;
        const to = out + ((<usize>at) << 4);
        let sum = v128.load(to);
        sum = f32x4.add(sum, f32x4.mul(v128.load(p), f32x4.splat(t00)));
        sum = f32x4.add(sum, f32x4.mul(v128.load(p, 16), f32x4.splat(t10)));
        sum = f32x4.add(sum, f32x4.mul(v128.load(q), f32x4.splat(t01)));
        sum = f32x4.add(sum, f32x4.mul(v128.load(q, 16), f32x4.splat(t11)));
        v128.store(to, sum);
      }
    }
  }
}

/** Bilinear spread of values at nodes over a part of a plane. `line` has room for `columns` floats and 4 more. */
export function spreadNodes(
  nodes: usize,
  columns: i32,
  step: i32,
  x0: i32,
  y0: i32,
  right: i32,
  bottom: i32,
  width: i32,
  line: usize,
  out: usize,
): void {
  const perStep: f32 = 1 / <f32>step;
  const row = (<usize>columns) << 2;
  for (let y = y0; y < bottom; y++) {
    const node = (y - y0) / step;
    const down = f32x4.splat(<f32>(y - y0 - node * step) * perStep);
    const above = nodes + <usize>node * row;
    for (let c: usize = 0; c < row; c += 16) {
      const upper = v128.load(above + c);
      v128.store(line + c, f32x4.add(upper, f32x4.mul(f32x4.sub(v128.load(above + row + c), upper), down)));
    }
    let cell = line;
    for (let from = x0; from < right; from += step, cell += 4) {
      const value = load<f32>(cell);
      const slope = (load<f32>(cell, 4) - value) * perStep;
      const end = min<i32>(from + step, right);
      for (let x = from; x < end; x++) {
        store<f32>(out + ((<usize>(y * width + x)) << 2), value + slope * <f32>(x - from));
      }
    }
  }
}

/**
 * Thin-plate splines on a row of points, four points at a time.
 *
 * @param centres x and y of `count` centres.
 * @param weights `columns` for each centre, then for 1, x and y.
 * @param count points are (x0 + i * step, y), a multiple of 4 of them.
 * @param sums room for `4 * columns` floats.
 * @param out `columns` values a point.
 */
export function thinPlateRow(
  centres: usize,
  centreCount: i32,
  weights: usize,
  columns: i32,
  x0: f32,
  step: f32,
  y: f32,
  count: i32,
  sums: usize,
  out: usize,
): void {
  const width = (<usize>columns) << 2;
  const affine = weights + <usize>centreCount * width;
  const ys = f32x4.splat(y);
  for (let first = 0; first < count; first += 4) {
    const index = f32x4.add(f32x4(0, 1, 2, 3), f32x4.splat(<f32>first));
    const xs = f32x4.add(f32x4.splat(x0), f32x4.mul(index, f32x4.splat(step)));
    for (let k: usize = 0; k < width; k += 4) {
      let sum = v128.load32_splat(affine + k);
      sum = f32x4.add(sum, f32x4.mul(xs, v128.load32_splat(affine + width + k)));
      sum = f32x4.add(sum, f32x4.mul(ys, v128.load32_splat(affine + 2 * width + k)));
      v128.store(sums + (k << 2), sum);
    }
    let weight = weights;
    for (let i = 0; i < centreCount; i++) {
      const dx = f32x4.sub(v128.load32_splat(centres + ((<usize>i) << 3)), xs);
      const dy = f32x4.sub(v128.load32_splat(centres + ((<usize>i) << 3) + 4), ys);
      // Next to nothing times its logarithm is nothing.
      const squared = f32x4.max(f32x4.add(f32x4.mul(dx, dx), f32x4.mul(dy, dy)), f32x4.splat(1e-20));
      const basis = f32x4.mul(squared, log4(squared));
      for (let k: usize = 0; k < width; k += 4) {
        const sum = v128.load(sums + (k << 2));
        v128.store(sums + (k << 2), f32x4.add(sum, f32x4.mul(basis, v128.load32_splat(weight + k))));
      }
      weight += width;
    }
    for (let k: usize = 0; k < width; k += 4) {
      const sum = v128.load(sums + (k << 2));
      store<f32>(out + k, f32x4.extract_lane(sum, 0));
      store<f32>(out + width + k, f32x4.extract_lane(sum, 1));
      store<f32>(out + 2 * width + k, f32x4.extract_lane(sum, 2));
      store<f32>(out + 3 * width + k, f32x4.extract_lane(sum, 3));
    }
    out += width << 2;
  }
}
