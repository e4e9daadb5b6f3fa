import { LUMA_FLOOR, type LogColour, toLogColour } from './log-colour.js';
import { createPlane, enlargePlane, type FloatPlane, reducePlane } from './plane.js';
import { smoothLight } from './smooth-light.js';

export interface ColourMatch {
  /** 0..1, how much a sample tells of the light: skin above all; reduced by {@link smallFactor}. */
  readonly weight: FloatPlane;
  /** Width of the mean that counts as broad light, in samples of the reduced crop. */
  readonly sigma: number;
  /** Log difference from the broad one at which a sample counts half: a shadow's edge, a highlight, a hand. */
  readonly outlier: number;
}

/** Light this broad is measured as well on a crop of this many samples across. */
const SMALL_SIDE = 64;
/** With less than this of the crop there is nothing to measure light on. */
const LEAST_WEIGHT = 1e-3;

/**
 * Gives a face the broad light and colour that the plate has in the same crop: log luma, and red and blue over luma, of
 * R'G'B', are shifted by their smooth difference. Every sample is multiplied, so texture keeps its contrast, and the light
 * of the plate passes from one side of the face to the other as it does there. What a shadow or a saturated light leaves of a
 * channel weighs little, because of the logarithm's floor.
 *
 * @param rgb the face: R, G and B plane of 0..255, `size` x `size`
 * @param plate the plate in the same crop
 * @returns the face in the plate's light, 0..255; the same face where nothing tells of the light
 */
export function matchColour(
  rgb: Float32Array,
  plate: Float32Array,
  size: number,
  { weight, sigma, outlier }: ColourMatch,
): Float32Array {
  if (weight.data.reduce((sum, one) => sum + one, 0) < LEAST_WEIGHT * weight.data.length) return rgb;
  const factor = smallFactor(size);
  const [own, wanted] = [reducedColour(rgb, size, factor), reducedColour(plate, size, factor)];
  const differences = (['luma', 'red', 'blue'] as const).map((channel) => {
    const difference = createPlane(weight.width, weight.height);
    const [to, from] = [wanted[channel].data, own[channel].data];
    for (let i = 0; i < to.length; i++) difference.data[i] = to[i]! - from[i]!;
    return difference;
  });
  const [luma, red, blue] = smoothLight(differences, weight, sigma, outlier);
  return multiplied(rgb, size, factor, { luma: luma!, red: red!, blue: blue! });
}

/** By how much a crop is reduced for what is smooth. */
export function smallFactor(size: number): number {
  return Math.max(1, Math.floor(size / SMALL_SIDE));
}

/** A plane of a crop, `size` x `size`, reduced to means of blocks. */
export function reduced(data: Float32Array, size: number, factor: number): FloatPlane {
  return reducePlane({ width: size, height: size, data }, factor);
}

/** @returns R, G and B plane of a crop, reduced likewise */
export function reducedChannels(rgb: Float32Array, size: number, factor: number): FloatPlane[] {
  const count = size * size;
  return [0, 1, 2].map((c) => reduced(rgb.subarray(c * count, (c + 1) * count), size, factor));
}

function reducedColour(rgb: Float32Array, size: number, factor: number): LogColour {
  const small = reducedChannels(rgb, size, factor);
  return toLogColour(small.map((plane) => ({ ...plane, data: plane.data.map((value) => value / 255) })));
}

/** The same shift of the logs at full size, as factors: no logarithm is taken there. */
function multiplied(rgb: Float32Array, size: number, factor: number, { luma, red, blue }: LogColour): Float32Array {
  const enlarged = (plane: FloatPlane) => enlargePlane(plane, factor, size, size).data;
  const ofLuma = enlarged({ ...luma, data: luma.data.map(Math.exp) });
  const ofRed = enlarged({ ...red, data: red.data.map((value, i) => Math.exp(value + luma.data[i]!)) });
  const ofBlue = enlarged({ ...blue, data: blue.data.map((value, i) => Math.exp(value + luma.data[i]!)) });
  const floor = 255 * LUMA_FLOOR;
  const count = size * size;
  const out = new Float32Array(rgb.length);
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [rgb[i]!, rgb[count + i]!, rgb[2 * count + i]!];
    const brightness = 0.299 * r + 0.587 * g + 0.114 * b;
    const y = (brightness + floor) * ofLuma[i]! - floor;
    const newRed = (r + floor) * ofRed[i]! - floor;
    const newBlue = (b + floor) * ofBlue[i]! - floor;
    out[i] = clamped(newRed);
    out[count + i] = clamped((y - 0.299 * newRed - 0.114 * newBlue) / 0.587);
    out[2 * count + i] = clamped(newBlue);
  }
  return out;
}

function clamped(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : value;
}
