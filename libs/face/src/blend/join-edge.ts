import { reduced, reducedChannels, smallFactor } from './match-colour.js';
import { membrane } from './membrane.js';
import { enlargePlane, type FloatPlane } from './plane.js';
import { smoothLight } from './smooth-light.js';

/** Share of a block that must be seen for it to count. */
const LEAST_SEEN = 0.5;
/** Width of the mean along the edge, in samples of the reduced plane. */
const SIGMA = 2;
/** Difference from that mean, of 255, at which a sample counts half: hair, a brow or an earring on the edge is no light. */
const OUTLIER = 20;

/**
 * Poisson blending (P. Perez, M. Gangnet, A. Blake, "Poisson image editing", SIGGRAPH 2003) in its membrane form: what the
 * plate differs by along the edge of the mask is spread inside as smoothly as can be and added, so that the face meets the
 * plate there and keeps its own gradients, texture and all. The edge is where the mask passes one half. Where something
 * covers the face nothing is known of its colour: those places do not count, and the others bridge them.
 *
 * The differences are means along the edge, robust to what only one of the two shows there, and the membrane is solved on a
 * reduced plane: neither grain nor hair is drawn into the face.
 *
 * @param rgb the face: R, G and B plane of 0..255, `size` x `size`
 * @param plate the plate in the same crop
 * @param shape 0..1, where the face is written if nothing covers it
 * @param seen 0..1, where nothing covers it; undefined where that is not known
 */
export function joinAtEdge(
  rgb: Float32Array,
  plate: Float32Array,
  size: number,
  shape: Float32Array,
  seen?: Float32Array,
): Float32Array {
  const factor = smallFactor(size);
  const count = size * size;
  const counted = seen?.map((value) => (value > 0.5 ? 1 : 0)) ?? new Float32Array(count).fill(1);
  const share = reduced(counted, size, factor);
  const known = edgeOf(reduced(shape, size, factor)).map((one, i) => (share.data[i]! >= LEAST_SEEN ? one : 0));
  if (!known.includes(1)) return rgb;
  const difference = new Float32Array(3 * count);
  for (let i = 0; i < difference.length; i++) difference[i] = counted[i % count]! * (plate[i]! - rgb[i]!);
  const means = reducedChannels(difference, size, factor);
  for (const { data } of means) for (let i = 0; i < data.length; i++) data[i]! /= Math.max(LEAST_SEEN, share.data[i]!);
  const along = smoothLight(means, { ...share, data: Float32Array.from(known) }, SIGMA, OUTLIER);
  const out = rgb.slice();
  membrane(along, known).forEach((offset, c) => {
    const { data } = enlargePlane(offset, factor, size, size);
    for (let i = 0; i < count; i++) out[c * count + i]! += data[i]!;
  });
  return out;
}

/** 1 at the outermost samples within a mask. */
function edgeOf({ width, height, data }: FloatPlane): Uint8Array {
  const out = new Uint8Array(data.length);
  const within = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x]! >= 0.5;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!within(x, y)) continue;
      const free = within(x - 1, y) && within(x + 1, y) && within(x, y - 1) && within(x, y + 1);
      if (!free) out[y * width + x] = 1;
    }
  }
  return out;
}
