// AssemblyScript: compiled by libs/frame/kernels/build.mjs. Pointers are byte offsets into the module's memory; the caller
// lays it out. Planes are rows of floats without padding; all may be read and written up to 3 floats beyond their end.

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

/** One row of `enlarge`. */
export function enlargeRow(
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
