// AssemblyScript: compiled by build.mjs. Pointers are byte offsets into the module's memory; the caller lays it out.

/** See the exported functions. */
function turned<T>(
  source: usize,
  stride: i32,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  e: f32,
  f: f32,
  width: i32,
  height: i32,
  across: i32,
  down: i32,
  last: i32,
  line: usize,
  out: usize,
): void {
  const columns = width * across;
  const share: f32 = 1 / <f32>(across * down);
  const stepX: f32 = 1 / <f32>across;
  const firstColumns = f32x4.mul(f32x4(0.5, 1.5, 2.5, 3.5), f32x4.splat(stepX));
  const alongX = f32x4.mul(firstColumns, f32x4.splat(a));
  const alongY = f32x4.mul(firstColumns, f32x4.splat(d));
  for (let y = 0; y < height; y++) {
    const end = out + ((<usize>width) << 2);
    for (let j = 0; j < down; j++) {
      const v = <f32>y + (<f32>j + 0.5) / <f32>down;
      const left = f32x4.add(alongX, f32x4.splat(b * v + c - 0.5));
      const top = f32x4.add(alongY, f32x4.splat(e * v + f - 0.5));
      let to = line;
      for (let column = 0; column < columns; column += 4, to += 16) {
        const u = f32x4.splat(<f32>column * stepX);
        const px = f32x4.add(left, f32x4.mul(u, f32x4.splat(a)));
        const py = f32x4.add(top, f32x4.mul(u, f32x4.splat(d)));
        v128.store(to, read<T>(source, stride, last, px, py));
      }
      let from = line;
      for (let at = out; at < end; at += 4) {
        let sum = load<f32>(from);
        from += 4;
        for (let i = 1; i < across; i++, from += 4) sum += load<f32>(from);
        store<f32>(at, j == 0 ? sum * share : load<f32>(at) + sum * share);
      }
    }
    out = end;
  }
}

/** Four bilinear reads. */
function read<T>(source: usize, stride: i32, last: i32, px: v128, py: v128): v128 {
  const sample: usize = sizeof<T>();
  const below = <usize>stride * sample;
  const x0 = i32x4.trunc_sat_f32x4_s(px);
  const y0 = i32x4.trunc_sat_f32x4_s(py);
  const fx = f32x4.sub(px, f32x4.convert_i32x4_s(x0));
  const fy = f32x4.sub(py, f32x4.convert_i32x4_s(y0));
  const asked = i32x4.add(i32x4.mul(y0, i32x4.splat(stride)), x0);
  // The reads beyond the end of a line may lie anywhere.
  const places = i32x4.max_s(i32x4.min_s(asked, i32x4.splat(last)), i32x4.splat(0));
  const a0 = source + <usize>i32x4.extract_lane(places, 0) * sample;
  const a1 = source + <usize>i32x4.extract_lane(places, 1) * sample;
  const a2 = source + <usize>i32x4.extract_lane(places, 2) * sample;
  const a3 = source + <usize>i32x4.extract_lane(places, 3) * sample;
  const p = lanes(<f32>load<T>(a0), <f32>load<T>(a1), <f32>load<T>(a2), <f32>load<T>(a3));
  const q = lanes(
    <f32>load<T>(a0 + sample),
    <f32>load<T>(a1 + sample),
    <f32>load<T>(a2 + sample),
    <f32>load<T>(a3 + sample),
  );
  const r = lanes(
    <f32>load<T>(a0 + below),
    <f32>load<T>(a1 + below),
    <f32>load<T>(a2 + below),
    <f32>load<T>(a3 + below),
  );
  const next = below + sample;
  const s = lanes(<f32>load<T>(a0 + next), <f32>load<T>(a1 + next), <f32>load<T>(a2 + next), <f32>load<T>(a3 + next));
  const upper = f32x4.add(p, f32x4.mul(f32x4.sub(q, p), fx));
  const lower = f32x4.add(r, f32x4.mul(f32x4.sub(s, r), fx));
  return f32x4.add(upper, f32x4.mul(f32x4.sub(lower, upper), fy));
}

function lanes(a: f32, b: f32, c: f32, d: f32): v128 {
  let all = f32x4.splat(a);
  all = f32x4.replace_lane(all, 1, b);
  all = f32x4.replace_lane(all, 2, c);
  return f32x4.replace_lane(all, 3, d);
}

/**
 * Means of `across * down` bilinear reads for each output sample. The map takes output to source coordinates, sample centres at + 0.5; every
 * read has its four neighbours in the source.
 *
 * @param last the last sample that has a neighbour to its right and below.
 * @param line room for `width * across + 3` floats.
 */
export function turnedBytes(
  source: usize,
  stride: i32,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  e: f32,
  f: f32,
  width: i32,
  height: i32,
  across: i32,
  down: i32,
  last: i32,
  line: usize,
  out: usize,
): void {
  turned<u8>(source, stride, a, b, c, d, e, f, width, height, across, down, last, line, out);
}

/** See `turnedBytes`. */
export function turnedWords(
  source: usize,
  stride: i32,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  e: f32,
  f: f32,
  width: i32,
  height: i32,
  across: i32,
  down: i32,
  last: i32,
  line: usize,
  out: usize,
): void {
  turned<u16>(source, stride, a, b, c, d, e, f, width, height, across, down, last, line, out);
}

/** See `turnedBytes`. */
export function turnedFloats(
  source: usize,
  stride: i32,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  e: f32,
  f: f32,
  width: i32,
  height: i32,
  across: i32,
  down: i32,
  last: i32,
  line: usize,
  out: usize,
): void {
  turned<f32>(source, stride, a, b, c, d, e, f, width, height, across, down, last, line, out);
}
