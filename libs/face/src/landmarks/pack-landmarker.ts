import type { DecodeOf } from '@understudy/contracts';
import type { Affine, Box, Frame } from '@understudy/frame';
import { composeAffine, cropRgb, invertAffine } from '@understudy/frame';
import type { GraphOutput, OpenedPack } from '@understudy/inference';
import { decodeOf, imageShape, toTensor } from '@understudy/inference';

import { decodeHeatmaps, meanMaximum } from './decode-heatmaps.js';
import { LANDMARK_COUNT, transformLandmarks } from './points.js';

export interface ConfidentLandmarks {
  /** 136 numbers, x and y in turn, in plate pixels. */
  readonly landmarks: Float64Array;
  /** The mean of the heatmaps' maxima: 0..1, about 0.9 for a clear face. */
  readonly confidence: number;
}

export interface PackLandmarker {
  /** The 68 points of the face in a detector's box. */
  locate(frame: Frame, box: Box): Promise<ConfidentLandmarks>;
}

type Decode = DecodeOf<'landmark-points' | 'landmark-heatmaps'>;

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack gives no landmarks */
export function packLandmarker(pack: OpenedPack): PackLandmarker {
  const decode = decodeOf(pack.manifest, 'landmark-points', 'landmark-heatmaps');
  const input = pack.model.inputs[0]!.name;
  return {
    locate: async (frame, box) => {
      const toCrop = boxToLandmarkCrop(box, decode);
      const rgb = cropRgb(frame, toCrop, decode.size, decode.size);
      const data = toTensor(rgb, decode.image);
      const outputs = await pack.model.run({ [input]: { data, shape: imageShape(decode.image, decode.size) } });
      const { points, confidence } = readPoints(outputs, decode);
      const step = decode.size / decode.grid;
      const gridToPlate = composeAffine(invertAffine(toCrop), [step, 0, 0, 0, step, 0]);
      return { landmarks: transformLandmarks(points, gridToPlate), confidence };
    },
  };
}

/** An upright crop in which the box's side spans the contract's number of samples. */
function boxToLandmarkCrop(box: Box, { size, boxSide, boxMeasure, boxLift = 0 }: Decode): Affine {
  const { x, y, width, height } = box;
  const side = boxMeasure === 'mean-side' ? (width + height) / 2 : Math.max(width, height);
  const scale = boxSide / Math.max(side, 1);
  const middle = { x: x + width / 2, y: y + height / 2 - boxLift * height };
  return [scale, 0, size / 2 - middle.x * scale, 0, scale, size / 2 - middle.y * scale];
}

function readPoints(outputs: readonly GraphOutput[], { family, grid }: Decode) {
  if (family === 'landmark-heatmaps') return decodeHeatmaps(outputs[0]!.data, LANDMARK_COUNT, grid);
  const [found, maps] = outputs;
  const points = new Float64Array(2 * LANDMARK_COUNT);
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    points[2 * i] = found!.data[3 * i]!;
    points[2 * i + 1] = found!.data[3 * i + 1]!;
  }
  return { points, confidence: meanMaximum(maps!.data, LANDMARK_COUNT) };
}
