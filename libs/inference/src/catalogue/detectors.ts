import type { ModelContract, PackTensor } from '@understudy/contracts';

import { facefusion, picture, plainImage, tensor } from './parts.js';

const SIZE = 640;
const STRIDES = [8, 16, 32];

/** Three score maps, three of boxes, three of points; the files number their outputs, so they are known by place. */
const anchorOutputs: PackTensor[] = [1, 4, 10].flatMap((width) =>
  STRIDES.map((stride) => tensor('*', [2 * (SIZE / stride) ** 2, width])),
);

function anchorDetector(id: string, symbol: string): ModelContract {
  return {
    id,
    role: 'detector',
    licence: 'InsightFace non-commercial',
    commercialUse: false,
    inputs: [picture('*', SIZE)],
    outputs: anchorOutputs,
    parts: ['model'],
    decode: {
      family: 'anchor-detector',
      size: SIZE,
      strides: STRIDES,
      anchorsPerCell: 2,
      image: plainImage('bgr', 1, 127.5, 128),
    },
    upstream: facefusion('face_detector.py', symbol),
  };
}

const yunetOutputs = (
  [
    ['cls', 1],
    ['obj', 1],
    ['bbox', 4],
    ['kps', 10],
  ] as const
).flatMap(([name, width]) =>
  STRIDES.map((stride) => tensor(`${name}_${stride}`, ['batch', (SIZE / stride) ** 2, width])),
);

export const DETECTOR_ROWS: readonly ModelContract[] = [
  anchorDetector('retinaface_10g', 'detect_with_retinaface'),
  anchorDetector('scrfd_2.5g', 'detect_with_scrfd'),
  {
    id: 'yoloface_8n',
    role: 'detector',
    licence: 'GPL-3.0',
    commercialUse: true,
    inputs: [picture('*', SIZE)],
    outputs: [tensor('*', ['batch', 20, 'anchors'])],
    parts: ['model'],
    decode: { family: 'yolo-face', size: SIZE, image: plainImage('bgr', 255) },
    upstream: facefusion('face_detector.py', 'detect_with_yolo_face'),
  },
  {
    id: 'yunet_2023_mar',
    role: 'detector',
    licence: 'MIT',
    commercialUse: true,
    inputs: [picture('input', SIZE)],
    outputs: yunetOutputs,
    parts: ['model'],
    decode: { family: 'yunet', size: SIZE, strides: STRIDES, image: plainImage('bgr', 1) },
    upstream: facefusion('face_detector.py', 'detect_with_yunet'),
  },
];
