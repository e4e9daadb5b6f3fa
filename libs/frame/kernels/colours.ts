// AssemblyScript: compiled by build.mjs. Pointers are byte offsets into the module's memory; the caller lays it out.

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
