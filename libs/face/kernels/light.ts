// AssemblyScript: compiled by libs/frame/kernels/build.mjs. Pointers are byte offsets into the module's memory; the caller
// lays it out. Planes are rows of floats without padding; all may be read and written up to 3 floats beyond their end.

import { exp4 } from './maths';
import { enlargeRow } from './planes';

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
