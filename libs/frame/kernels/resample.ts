// AssemblyScript: compiled by build.mjs. Pointers are byte offsets into the module's memory; the caller lays it out.

/** Four samples as floats. */
function four<T>(at: usize): v128 {
  if (isFloat<T>()) return v128.load(at);
  if (sizeof<T>() == 2) return f32x4.convert_i32x4_u(v128.extend_low<u16>(v128.load64_zero(at)));
  return f32x4.convert_i32x4_u(v128.extend_low<u16>(v128.extend_low<u8>(v128.load32_zero(at))));
}

/** See the exported functions: one for each kind of sample, so that no loop asks for it. */
function upright<T>(
  source: usize,
  columns: i32,
  rowAt: usize,
  rowWeights: usize,
  downTaps: i32,
  columnAt: usize,
  columnWeights: usize,
  acrossTaps: i32,
  width: i32,
  height: i32,
  line: usize,
  out: usize,
): void {
  const sample: usize = sizeof<T>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x += 4) {
      const offset = source + <usize>x * sample;
      let sum = f32x4.splat(0);
      for (let tap = 0; tap < downTaps; tap++) {
        const weight = v128.load32_splat(rowWeights + ((<usize>tap) << 2));
        sum = f32x4.add(sum, f32x4.mul(weight, four<T>(offset + load<u32>(rowAt + ((<usize>tap) << 2)))));
      }
      v128.store(line + ((<usize>x) << 2), sum);
    }
    rowAt += (<usize>downTaps) << 2;
    rowWeights += (<usize>downTaps) << 2;
    gather(line, columnAt, columnWeights, acrossTaps, width, out);
    out += (<usize>width) << 2;
  }
}

/** Weighted sums along a line: of 1, 2 or a multiple of 4 neighbours, of which the last ones may have no weight. */
function gather(line: usize, columnAt: usize, weights: usize, taps: i32, width: i32, out: usize): void {
  const end = out + ((<usize>width) << 2);
  if (taps == 1) {
    for (; out < end; out += 4, columnAt += 4, weights += 4) {
      store<f32>(out, load<f32>(weights) * load<f32>(line + ((<usize>load<u32>(columnAt)) << 2)));
    }
  } else if (taps == 2) {
    for (; out < end; out += 4, columnAt += 4, weights += 8) {
      const from = line + ((<usize>load<u32>(columnAt)) << 2);
      store<f32>(out, load<f32>(weights) * load<f32>(from) + load<f32>(weights, 4) * load<f32>(from, 4));
    }
  } else {
    for (; out < end; out += 4, columnAt += 4) {
      let from = line + ((<usize>load<u32>(columnAt)) << 2);
      let sum = f32x4.mul(v128.load(weights), v128.load(from));
      weights += 16;
      for (let tap = 4; tap < taps; tap += 4) {
        from += 16;
        sum = f32x4.add(sum, f32x4.mul(v128.load(weights), v128.load(from)));
        weights += 16;
      }
      sum = f32x4.add(sum, v128.shuffle<f32>(sum, sum, 2, 3, 0, 1));
      store<f32>(out, f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1));
    }
  }
}

/**
 * Separable weighted sums. `source` holds rows of `columns` samples; a row may be read up to 3 samples beyond its end.
 *
 * @param rowAt for each tap of each output row: the byte offset of its source row from `source`.
 * @param rowWeights `downTaps` a row.
 * @param columnAt for each output column: its first source column; all taps lie inside the row.
 * @param columnWeights `acrossTaps` a column: 1, 2 or a multiple of 4.
 * @param line room for `columns + acrossTaps + 3` floats, the ones from `columns` on finite.
 */
export function uprightBytes(
  source: usize,
  columns: i32,
  rowAt: usize,
  rowWeights: usize,
  downTaps: i32,
  columnAt: usize,
  columnWeights: usize,
  acrossTaps: i32,
  width: i32,
  height: i32,
  line: usize,
  out: usize,
): void {
  upright<u8>(
    source,
    columns,
    rowAt,
    rowWeights,
    downTaps,
    columnAt,
    columnWeights,
    acrossTaps,
    width,
    height,
    line,
    out,
  );
}

/** See `uprightBytes`. */
export function uprightWords(
  source: usize,
  columns: i32,
  rowAt: usize,
  rowWeights: usize,
  downTaps: i32,
  columnAt: usize,
  columnWeights: usize,
  acrossTaps: i32,
  width: i32,
  height: i32,
  line: usize,
  out: usize,
): void {
  upright<u16>(
    source,
    columns,
    rowAt,
    rowWeights,
    downTaps,
    columnAt,
    columnWeights,
    acrossTaps,
    width,
    height,
    line,
    out,
  );
}

/** See `uprightBytes`. */
export function uprightFloats(
  source: usize,
  columns: i32,
  rowAt: usize,
  rowWeights: usize,
  downTaps: i32,
  columnAt: usize,
  columnWeights: usize,
  acrossTaps: i32,
  width: i32,
  height: i32,
  line: usize,
  out: usize,
): void {
  upright<f32>(
    source,
    columns,
    rowAt,
    rowWeights,
    downTaps,
    columnAt,
    columnWeights,
    acrossTaps,
    width,
    height,
    line,
    out,
  );
}

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

/** Y', Cb, Cr planes become R', G', B', in place; up to 3 values beyond the end change with them. */
export function yuvToRgb(
  first: usize,
  second: usize,
  third: usize,
  count: i32,
  lumaOffset: f32,
  lumaScale: f32,
  chromaOffset: f32,
  chromaScale: f32,
  redFromCr: f32,
  greenFromCb: f32,
  greenFromCr: f32,
  blueFromCb: f32,
): void {
  const offset = f32x4.splat(chromaOffset);
  const scale = f32x4.splat(chromaScale);
  const end = first + ((<usize>count) << 2);
  for (; first < end; first += 16, second += 16, third += 16) {
    const luma = f32x4.mul(f32x4.sub(v128.load(first), f32x4.splat(lumaOffset)), f32x4.splat(lumaScale));
    const cb = f32x4.mul(f32x4.sub(v128.load(second), offset), scale);
    const cr = f32x4.mul(f32x4.sub(v128.load(third), offset), scale);
    v128.store(first, f32x4.add(luma, f32x4.mul(cr, f32x4.splat(redFromCr))));
    const green = f32x4.sub(luma, f32x4.mul(cb, f32x4.splat(greenFromCb)));
    v128.store(second, f32x4.sub(green, f32x4.mul(cr, f32x4.splat(greenFromCr))));
    v128.store(third, f32x4.add(luma, f32x4.mul(cb, f32x4.splat(blueFromCb))));
  }
}

/** Differences of R', G', B' become those of Y', Cb, Cr samples, in place; up to 3 values beyond the end change with them. */
export function rgbToYuvChange(
  first: usize,
  second: usize,
  third: usize,
  count: i32,
  redWeight: f32,
  greenWeight: f32,
  blueWeight: f32,
  perLuma: f32,
  perCb: f32,
  perCr: f32,
): void {
  const end = first + ((<usize>count) << 2);
  for (; first < end; first += 16, second += 16, third += 16) {
    const r = v128.load(first);
    const b = v128.load(third);
    let y = f32x4.mul(r, f32x4.splat(redWeight));
    y = f32x4.add(y, f32x4.mul(v128.load(second), f32x4.splat(greenWeight)));
    y = f32x4.add(y, f32x4.mul(b, f32x4.splat(blueWeight)));
    v128.store(first, f32x4.mul(y, f32x4.splat(perLuma)));
    v128.store(second, f32x4.mul(f32x4.sub(b, y), f32x4.splat(perCb)));
    v128.store(third, f32x4.mul(f32x4.sub(r, y), f32x4.splat(perCr)));
  }
}

/** Adds values to samples, rounded and kept in range. A value of 0 leaves its sample. */
function addTo<T>(samples: usize, values: usize, count: i32, maximum: f32): void {
  for (let i = 0; i < count; i++) {
    const value = load<f32>(values + ((<usize>i) << 2));
    if (value == 0) continue;
    const at = samples + <usize>i * sizeof<T>();
    const sum = Mathf.floor(<f32>load<T>(at) + value + 0.5);
    store<T>(at, <T>(<i32>min<f32>(maximum, max<f32>(0, sum))));
  }
}

/** See `addTo`. */
export function addToBytes(samples: usize, values: usize, count: i32, maximum: f32): void {
  addTo<u8>(samples, values, count, maximum);
}

/** See `addTo`. */
export function addToWords(samples: usize, values: usize, count: i32, maximum: f32): void {
  addTo<u16>(samples, values, count, maximum);
}
