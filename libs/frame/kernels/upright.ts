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
