// AssemblyScript: compiled by libs/frame/kernels/build.mjs. Pointers are byte offsets into the module's memory; the caller
// lays it out. Planes are rows of floats without padding; all may be read and written up to 3 floats beyond their end.

/** e^x for four numbers of -87..88, to about the last bit of a float (after Cephes' expf: reduced by ln 2, polynomial of degree 5). */
function exp4(x: v128): v128 {
  const clamped = f32x4.max(f32x4.min(x, f32x4.splat(88)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.4426950408889634)));
  const high = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** Numbers of 0..255 become those of 0..1; what is below 0 becomes 0. */
export function toUnit(numbers: usize, count: i32): void {
  const end = numbers + ((<usize>count) << 2);
  for (; numbers < end; numbers += 16) {
    const scaled = f32x4.mul(v128.load(numbers), f32x4.splat(1 / 255.0));
    v128.store(numbers, f32x4.max(scaled, f32x4.splat(0)));
  }
}

/**
 * Bilinear enlargement of a plane of block means.
 *
 * @param left for each column: the small plane's column to its left; `part` how far it is from that to the next, 0..1.
 * @param line room for `smallWidth + 4` floats.
 */
export function enlarge(
  small: usize,
  smallWidth: i32,
  smallHeight: i32,
  factor: i32,
  width: i32,
  top: i32,
  bottom: i32,
  left: usize,
  part: usize,
  line: usize,
  out: usize,
): void {
  for (let y = top; y < bottom; y++) {
    enlargeRow(small, smallWidth, smallHeight, factor, width, y, left, part, line, out);
    out += (<usize>width) << 2;
  }
}

function enlargeRow(
  small: usize,
  smallWidth: i32,
  smallHeight: i32,
  factor: i32,
  width: i32,
  y: i32,
  left: usize,
  part: usize,
  line: usize,
  out: usize,
): void {
  let at: f32 = (<f32>y + 0.5) / <f32>factor - 0.5;
  at = max<f32>(0, min<f32>(<f32>(smallHeight - 1), at));
  const row = min<i32>(<i32>at, max<i32>(0, smallHeight - 2));
  const down = f32x4.splat(at - <f32>row);
  const above = small + ((<usize>(row * smallWidth)) << 2);
  const below = small + ((<usize>(min<i32>(row + 1, smallHeight - 1) * smallWidth)) << 2);
  for (let x: usize = 0; x < (<usize>smallWidth) << 2; x += 16) {
    const upper = v128.load(above + x);
    v128.store(line + x, f32x4.add(upper, f32x4.mul(f32x4.sub(v128.load(below + x), upper), down)));
  }
  store<f32>(line + ((<usize>smallWidth) << 2), load<f32>(line + ((<usize>(smallWidth - 1)) << 2)));
  for (let x: usize = 0; x < (<usize>width) << 2; x += 4) {
    const from = line + ((<usize>load<u32>(left + x)) << 2);
    const value = load<f32>(from);
    store<f32>(out + x, value + (load<f32>(from, 4) - value) * load<f32>(part + x));
  }
}

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

/**
 * Adds the broad structure to what was drawn and warms its shade: -warmth * shade * e^(-shade^2 / 0.45^2). Planes of luma, red and
 * blue come out, 0 where the mask is 0.
 *
 * @param form the broad structure.
 */
export function shade(
  drawn: usize,
  form: usize,
  mask: usize,
  count: i32,
  warmth: f32,
  luma: usize,
  red: usize,
  blue: usize,
): void {
  const perSquare = f32x4.splat(-1 / (0.45 * 0.45));
  const strength = f32x4.splat(-warmth);
  for (let i: usize = 0; i < (<usize>count) << 2; i += 16) {
    const a = v128.load(drawn);
    const b = v128.load(drawn, 16);
    const c = v128.load(drawn, 32);
    const d = v128.load(drawn, 48);
    drawn += 64;
    const shown = f32x4.ne(v128.load(mask + i), f32x4.splat(0));
    if (!v128.any_true(shown)) {
      v128.store(luma + i, f32x4.splat(0));
      v128.store(red + i, f32x4.splat(0));
      v128.store(blue + i, f32x4.splat(0));
      continue;
    }
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const fine = v128.shuffle<f32>(ab, cd, 0, 1, 4, 5);
    const reds = v128.shuffle<f32>(ab, cd, 2, 3, 6, 7);
    const blues = v128.shuffle<f32>(
      v128.shuffle<f32>(a, b, 2, 6, 2, 6),
      v128.shuffle<f32>(c, d, 2, 6, 2, 6),
      0,
      1,
      4,
      5,
    );
    const value = f32x4.add(fine, v128.load(form + i));
    const squared = f32x4.mul(value, value);
    const warm = f32x4.mul(f32x4.mul(value, strength), exp4(f32x4.mul(squared, perSquare)));
    v128.store(luma + i, v128.and(value, shown));
    v128.store(red + i, v128.and(f32x4.add(reds, warm), shown));
    v128.store(blue + i, v128.and(f32x4.sub(blues, warm), shown));
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

/** Means of `factor * factor` blocks, of fewer pixels at the right and the bottom. `sums` has room for `width` floats and 4 more. */
export function reduce(plane: usize, width: i32, height: i32, factor: i32, sums: usize, out: usize): void {
  const row = (<usize>width) << 2;
  for (let first = 0; first < height; first += factor) {
    const end = min<i32>(height, first + factor);
    const start = plane + <usize>first * row;
    for (let x: usize = 0; x < row; x += 16) {
      let sum = v128.load(start + x);
      for (let y = first + 1; y < end; y++) sum = f32x4.add(sum, v128.load(start + <usize>(y - first) * row + x));
      v128.store(sums + x, sum);
    }
    for (let left = 0; left < width; left += factor) {
      const right = min<i32>(width, left + factor);
      let sum: f32 = 0;
      for (let x = left; x < right; x++) sum += load<f32>(sums + ((<usize>x) << 2));
      store<f32>(out, sum / <f32>((right - left) * (end - first)));
      out += 4;
    }
  }
}

/** Weighted sum of R', G' and B'. */
export function lumaOf(red: usize, green: usize, blue: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < (<usize>count) << 2; i += 16) {
    const sum = f32x4.add(
      f32x4.mul(v128.load(red + i), f32x4.splat(0.299)),
      f32x4.mul(v128.load(green + i), f32x4.splat(0.587)),
    );
    v128.store(out + i, f32x4.add(sum, f32x4.mul(v128.load(blue + i), f32x4.splat(0.114))));
  }
}

/**
 * A symmetric separable kernel over a plane, edges repeated.
 *
 * @param kernel `radius + 1` weights from the middle outwards.
 * @param line room for `width + 2 * radius` floats and 4 more; `rows` for a plane.
 */
export function blur(
  plane: usize,
  width: i32,
  height: i32,
  kernel: usize,
  radius: i32,
  line: usize,
  rows: usize,
  out: usize,
): void {
  const row = (<usize>width) << 2;
  const middle = line + ((<usize>radius) << 2);
  for (let y = 0; y < height; y++) {
    const from = plane + <usize>y * row;
    const last = load<f32>(from + row - 4);
    for (let i = 0; i < radius; i++) store<f32>(line + ((<usize>i) << 2), load<f32>(from));
    memory.copy(middle, from, row);
    for (let i = 0; i < radius; i++) store<f32>(middle + row + ((<usize>i) << 2), last);
    const to = rows + <usize>y * row;
    for (let x: usize = 0; x < row; x += 16) {
      let sum = f32x4.mul(v128.load(middle + x), v128.load32_splat(kernel));
      for (let k: usize = 4; k <= (<usize>radius) << 2; k += 4) {
        const pair = f32x4.add(v128.load(middle + x - k), v128.load(middle + x + k));
        sum = f32x4.add(sum, f32x4.mul(pair, v128.load32_splat(kernel + k)));
      }
      v128.store(to + x, sum);
    }
  }
  for (let y = 0; y < height; y++) {
    const to = out + <usize>y * row;
    const from = rows + <usize>y * row;
    for (let x: usize = 0; x < row; x += 16) {
      let sum = f32x4.mul(v128.load(from + x), v128.load32_splat(kernel));
      for (let k = 1; k <= radius; k++) {
        const above = rows + <usize>max<i32>(0, y - k) * row + x;
        const below = rows + <usize>min<i32>(height - 1, y + k) * row + x;
        const pair = f32x4.add(v128.load(above), v128.load(below));
        sum = f32x4.add(sum, f32x4.mul(pair, v128.load32_splat(kernel + ((<usize>k) << 2))));
      }
      v128.store(to + x, sum);
    }
  }
}

/**
 * The last step: light, the plate's finest structure, back to R'G'B', and what changes.
 *
 * @param small five planes of `smallWidth * smallHeight` with 4 floats after each: what is added to luma, red and blue, and
 * the share of the plate's grain.
 * @param work rows of `width` floats and 4 more: four of them, and one of `smallWidth` floats and 4 more behind.
 * @param soft the plate's luma without its grain.
 * @param outRed like outGreen and outBlue: `outWidth` floats a row from (`outLeft`, `top`) on; 255 times mask times difference.
 */
export function compose(
  small: usize,
  smallWidth: i32,
  smallHeight: i32,
  factor: i32,
  left: usize,
  part: usize,
  width: i32,
  top: i32,
  bottom: i32,
  work: usize,
  mask: usize,
  luma: usize,
  red: usize,
  blue: usize,
  plateLuma: usize,
  soft: usize,
  plateRed: usize,
  plateGreen: usize,
  plateBlue: usize,
  grain: f32,
  outLeft: i32,
  outWidth: i32,
  outRed: usize,
  outGreen: usize,
  outBlue: usize,
): void {
  const floor = f32x4.splat(0.04);
  const perGrain = f32x4.splat(-1 / (0.1 * 0.1));
  const plane = ((<usize>(smallWidth * smallHeight)) << 2) + 16;
  const row = ((<usize>width) << 2) + 16;
  const line = work + 4 * row;
  for (let y = top; y < bottom; y++) {
    for (let i: usize = 0; i < 4; i++) {
      enlargeRow(small + i * plane, smallWidth, smallHeight, factor, width, y, left, part, line, work + i * row);
    }
    const start = (<usize>(y * width + outLeft)) << 2;
    const target = (<usize>((y - top) * outWidth)) << 2;
    for (let x: usize = 0; x < (<usize>outWidth) << 2; x += 16) {
      const at = start + x;
      const weight = v128.load(mask + at);
      if (!v128.any_true(f32x4.ne(weight, f32x4.splat(0)))) {
        v128.store(outRed + target + x, f32x4.splat(0));
        v128.store(outGreen + target + x, f32x4.splat(0));
        v128.store(outBlue + target + x, f32x4.splat(0));
        continue;
      }
      const here = work + ((<usize>outLeft) << 2) + x;
      const smooth = v128.load(soft + at);
      const fine = f32x4.div(f32x4.sub(v128.load(plateLuma + at), smooth), f32x4.add(smooth, floor));
      const faint = exp4(f32x4.mul(f32x4.mul(fine, fine), perGrain));
      const pores = f32x4.mul(f32x4.mul(v128.load(here + 3 * row), f32x4.splat(grain)), f32x4.mul(fine, faint));
      const light = f32x4.add(f32x4.add(v128.load(luma + at), v128.load(here)), pores);
      const value = exp4(light);
      const warm = f32x4.add(v128.load(red + at), v128.load(here + row));
      const cold = f32x4.add(v128.load(blue + at), v128.load(here + 2 * row));
      const r = f32x4.sub(f32x4.mul(value, exp4(warm)), floor);
      const b = f32x4.sub(f32x4.mul(value, exp4(cold)), floor);
      const others = f32x4.add(f32x4.mul(r, f32x4.splat(0.299)), f32x4.mul(b, f32x4.splat(0.114)));
      const g = f32x4.div(f32x4.sub(f32x4.sub(value, floor), others), f32x4.splat(0.587));
      const much = f32x4.mul(weight, f32x4.splat(255));
      v128.store(outRed + target + x, f32x4.mul(much, f32x4.sub(r, v128.load(plateRed + at))));
      v128.store(outGreen + target + x, f32x4.mul(much, f32x4.sub(g, v128.load(plateGreen + at))));
      v128.store(outBlue + target + x, f32x4.mul(much, f32x4.sub(b, v128.load(plateBlue + at))));
    }
  }
}

/** Natural logarithm of four positive numbers (after Cephes' logf: mantissa of 0.7..1.4, polynomial of degree 9). */
function log4(x: v128): v128 {
  const bits = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const exponent = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  const mantissa = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(mantissa, f32x4.splat(1));
  const square = f32x4.mul(f, f);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.151461031e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.167699874e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(3.3333331174e-1));
  p = f32x4.mul(f32x4.mul(p, f), square);
  p = f32x4.add(p, f32x4.mul(exponent, f32x4.splat(-2.1219444e-4)));
  p = f32x4.sub(p, f32x4.mul(square, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(f, p), f32x4.mul(exponent, f32x4.splat(0.693359375)));
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
