import { FORMAT_LAYOUTS, type Frame, type FrameSpec, type Plane } from './frame.js';

/**
 * Where a matte is black, puts the plate's samples back; where it is grey, that share of the change stays:
 * `plate + matte * (output - plate)`, rounded in the plate's own depth. A sample that was not changed stays as it is, and so
 * does any under white.
 *
 * A subsampled plane is weighted by the mean of the matte's samples that it covers.
 *
 * @param frame the output, changed in place
 * @param plate the same frame before it was changed
 * @param matte of the same size and any format; its first plane is read (luma, or green of `gbrp`), over its range: black is
 * the range's lowest number, white its highest, and what lies beyond counts as those
 * @throws RangeError when the sizes or the plate's format differ
 */
export function keepUnderMatte(frame: Frame, plate: Frame, matte: Frame): void {
  const { width, height, format } = frame.spec;
  for (const other of [plate.spec, matte.spec]) {
    if (other.width === width && other.height === height) continue;
    throw new RangeError(`the matte's frames are ${other.width}x${other.height}, the plate's ${width}x${height}`);
  }
  if (plate.spec.format !== format) throw new RangeError(`the plate is ${plate.spec.format}, the output ${format}`);
  const { chromaShiftX, chromaShiftY } = FORMAT_LAYOUTS[format];
  const weights = matteWeights(matte);
  const chroma =
    chromaShiftX === 0 && chromaShiftY === 0
      ? weights
      : covered(weights, width, frame.planes[1], chromaShiftX, chromaShiftY);
  frame.planes.forEach((plane, index) => {
    keepPlane(plane, plate.planes[index as 0 | 1 | 2], index === 0 ? weights : chroma);
  });
}

function keepPlane({ samples }: Plane, { samples: before }: Plane, weights: Float32Array): void {
  for (let at = 0; at < samples.length; at++) {
    const [from, to] = [before[at]!, samples[at]!];
    if (from !== to) samples[at] = Math.round(from + weights[at]! * (to - from));
  }
}

/** 0..1 for each sample of the matte's first plane. */
function matteWeights({ spec, planes }: Frame): Float32Array {
  const { black, white } = greyRange(spec);
  const { samples } = planes[0];
  const scale = 1 / (white - black);
  const weights = new Float32Array(samples.length);
  for (let at = 0; at < samples.length; at++) {
    weights[at] = Math.min(1, Math.max(0, (samples[at]! - black) * scale));
  }
  return weights;
}

function greyRange({ format, range }: FrameSpec): { black: number; white: number } {
  const { bits, model } = FORMAT_LAYOUTS[format];
  if (model === 'gbr' || range === 'pc') return { black: 0, white: 2 ** bits - 1 };
  return { black: 16 * 2 ** (bits - 8), white: 235 * 2 ** (bits - 8) };
}

/** The mean of the weights that each sample of a subsampled plane covers; at an odd edge of those that there are. */
function covered(weights: Float32Array, width: number, plane: Plane, shiftX: number, shiftY: number): Float32Array {
  const height = weights.length / width;
  const [stepX, stepY] = [1 << shiftX, 1 << shiftY];
  const means = new Float32Array(plane.width * plane.height);
  for (let y = 0; y < plane.height; y++) {
    const bottom = Math.min(height, (y + 1) * stepY);
    for (let x = 0; x < plane.width; x++) {
      const right = Math.min(width, (x + 1) * stepX);
      let [sum, count] = [0, 0];
      for (let row = y * stepY; row < bottom; row++) {
        for (let column = x * stepX; column < right; column++, count++) sum += weights[row * width + column]!;
      }
      means[y * plane.width + x] = sum / count;
    }
  }
  return means;
}
