/** One channel of a work crop: row-major floats. */
export interface FloatPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export function createPlane(width: number, height: number): FloatPlane {
  return { width, height, data: new Float32Array(width * height) };
}

/** Bilinear sample at pixel-centre coordinates, clamped to the border. */
export function sampleBilinear(plane: FloatPlane, x: number, y: number): number {
  const { width, height, data } = plane;
  const cx = x < 0 ? 0 : x > width - 1 ? width - 1 : x;
  const cy = y < 0 ? 0 : y > height - 1 ? height - 1 : y;
  const x0 = Math.min(Math.floor(cx), Math.max(0, width - 2));
  const y0 = Math.min(Math.floor(cy), Math.max(0, height - 2));
  const x1 = Math.min(x0 + 1, width - 1);
  const y1 = Math.min(y0 + 1, height - 1);
  const fx = cx - x0;
  const fy = cy - y0;
  const top = data[y0 * width + x0]! * (1 - fx) + data[y0 * width + x1]! * fx;
  const bottom = data[y1 * width + x0]! * (1 - fx) + data[y1 * width + x1]! * fx;
  return top * (1 - fy) + bottom * fy;
}

/** Mean over `factor` x `factor` blocks (partial at the right and bottom border). */
export function reducePlane(plane: FloatPlane, factor: number): FloatPlane {
  if (factor === 1) return plane;
  const { width: from, data } = plane;
  const width = Math.ceil(from / factor);
  const height = Math.ceil(plane.height / factor);
  const out = createPlane(width, height);
  const sums = new Float32Array(width * factor);
  const means = out.data;
  const lastCount = from - (width - 1) * factor;
  for (let y = 0; y < height; y++) {
    const first = y * factor;
    const end = Math.min(plane.height, first + factor);
    for (let x = 0; x < from; x++) sums[x] = data[first * from + x]!;
    for (let v = first + 1; v < end; v++) {
      const row = v * from;
      for (let x = 0; x < from; x++) sums[x]! += data[row + x]!;
    }
    const share = 1 / ((end - first) * factor);
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let u = x * factor; u < x * factor + factor; u++) sum += sums[u]!;
      means[y * width + x] = sum * share;
    }
    means[y * width + width - 1]! *= factor / lastCount;
  }
  return out;
}

/** Bilinear enlargement that undoes {@link reducePlane}'s geometry. */
export function enlargePlane(plane: FloatPlane, factor: number, width: number, height: number): FloatPlane {
  if (factor === 1) return plane;
  const out = createPlane(width, height);
  const { width: from, data } = plane;
  const left = new Int32Array(width);
  const part = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const at = Math.max(0, Math.min(from - 1, (x + 0.5) / factor - 0.5));
    left[x] = Math.min(Math.floor(at), Math.max(0, from - 2));
    part[x] = at - left[x]!;
  }
  const line = new Float32Array(from + 1);
  const to = out.data;
  for (let y = 0; y < height; y++) {
    const at = Math.max(0, Math.min(plane.height - 1, (y + 0.5) / factor - 0.5));
    const top = Math.min(Math.floor(at), Math.max(0, plane.height - 2));
    const fy = at - top;
    const a = top * from;
    const b = Math.min(top + 1, plane.height - 1) * from;
    for (let x = 0; x < from; x++) line[x] = data[a + x]! + (data[b + x]! - data[a + x]!) * fy;
    line[from] = line[from - 1]!;
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const l = left[x]!;
      const value = line[l]!;
      to[row + x] = value + (line[l + 1]! - value) * part[x]!;
    }
  }
  return out;
}
