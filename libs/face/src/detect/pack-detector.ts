import type { Box, Frame } from '@understudy/frame';
import { cropRgb } from '@understudy/frame';
import type { GraphOutput, OpenedPack } from '@understudy/inference';
import { decodeOf, imageShape, toTensor } from '@understudy/inference';

import type { FivePoints } from '../landmarks/templates.js';
import type { Candidate } from './candidates.js';
import { decodeAnchors } from './decode-anchors.js';
import { decodeYolo } from './decode-yolo.js';
import { decodeYunet } from './decode-yunet.js';
import type { Detection } from './non-maximum.js';
import { suppressNonMaximum } from './non-maximum.js';

/** A face whose detector also saw eyes, nose tip and the mouth's corners. */
export interface PointedDetection extends Detection {
  readonly points: FivePoints;
}

export interface PackDetector {
  /**
   * Faces in the frame or in a part of it, best first, each once, in plate pixels.
   *
   * @param leastScore 0..1
   */
  detect(frame: Frame, leastScore: number, region?: Box): Promise<PointedDetection[]>;
}

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack is no detector */
export function packDetector(pack: OpenedPack): PackDetector {
  const decode = decodeOf(pack.manifest, 'anchor-detector', 'yolo-face', 'yunet');
  const input = pack.model.inputs[0]!.name;
  const read = (outputs: GraphOutput[], leastScore: number): Candidate[] => {
    if (decode.family === 'anchor-detector') return decodeAnchors(outputs, decode, leastScore);
    if (decode.family === 'yunet') return decodeYunet(outputs, decode, leastScore);
    return decodeYolo(outputs[0]!, leastScore);
  };
  return {
    detect: async (frame, leastScore, region = { x: 0, y: 0, width: frame.spec.width, height: frame.spec.height }) => {
      const { rgb, scale } = letterbox(frame, region, decode.size);
      const data = toTensor(rgb, decode.image);
      const outputs = await pack.model.run({ [input]: { data, shape: imageShape(decode.image, decode.size) } });
      const found = read(outputs, leastScore).map((candidate) => toPlate(candidate, region, scale));
      return suppressNonMaximum(found) as PointedDetection[];
    },
  };
}

/** The region in the input's upper left corner, in its own aspect, with black beside or below it. */
function letterbox(frame: Frame, region: Box, size: number): { rgb: Float32Array; scale: number } {
  const side = Math.max(region.width, region.height);
  const scale = size / side;
  const rgb = cropRgb(frame, { x: region.x, y: region.y, width: side, height: side }, size, size);
  const right = Math.round(region.width * scale);
  const bottom = Math.round(region.height * scale);
  for (let y = 0; y < size; y++) {
    const from = y < bottom ? right : 0;
    for (let c = 0; c < 3; c++) rgb.fill(0, (c * size + y) * size + from, (c * size + y + 1) * size);
  }
  return { rgb, scale };
}

function toPlate(candidate: Candidate, region: Box, scale: number): PointedDetection {
  const { left, top, right, bottom, score, points } = candidate;
  const x = (value: number) => region.x + value / scale;
  const y = (value: number) => region.y + value / scale;
  const point = (i: number) => ({ x: x(points[2 * i]!), y: y(points[2 * i + 1]!) });
  return {
    box: { x: x(left), y: y(top), width: (right - left) / scale, height: (bottom - top) / scale },
    score,
    zoomed: false,
    points: [point(0), point(1), point(2), point(3), point(4)],
  };
}
