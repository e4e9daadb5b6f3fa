import type { ModelContract } from '@understudy/contracts';

import { IMAGENET_IMAGE, facefusion, interleaved, optionalTensor, picture, plainImage, tensor } from './parts.js';

/** Landmarks, identity and masks. */
export const FACE_ROWS: readonly ModelContract[] = [
  {
    id: '2dfan4',
    role: 'landmarks',
    licence: 'MIT',
    commercialUse: true,
    inputs: [picture('input', 256)],
    outputs: [tensor('*', ['batch', 68, 3]), tensor('*', ['batch', 68, 64, 64])],
    parts: ['model'],
    decode: { family: 'landmark-points', size: 256, boxSide: 195, grid: 64, image: plainImage('bgr', 255) },
    upstream: facefusion('face_landmarker.py', 'detect_with_2dfan4'),
  },
  {
    id: 'fan_heatmaps',
    role: 'landmarks',
    licence: 'BSD-3-Clause',
    commercialUse: true,
    inputs: [picture('*', 256)],
    outputs: [tensor('*', ['batch', 68, 64, 64])],
    parts: ['model'],
    decode: {
      family: 'landmark-heatmaps',
      size: 256,
      // A scale of (width + height) / 195, and a crop of 200 times that: the mean of both sides spans 195 / 400 of it.
      boxSide: (256 * 195) / 400,
      boxMeasure: 'mean-side',
      boxLift: 0.12,
      grid: 64,
      image: plainImage('rgb', 255),
    },
    upstream: {
      repository: 'https://github.com/1adrianb/face-alignment',
      // The box's middle and scale there, the crop and the peaks in utils.py: transform, get_preds_fromhm.
      file: 'face_alignment/api.py',
      symbol: 'FaceAlignment.get_landmarks_from_image',
      revision: '01b75a9e4d6f740d90b3c4f0b23c11a2c049c213',
    },
  },
  {
    id: 'dlib_68',
    role: 'landmarks',
    licence: 'iBUG 300-W: non-commercial training data',
    commercialUse: false,
    inputs: [],
    outputs: [],
    parts: ['model'],
    decode: { family: 'ensemble-of-regression-trees', points: 68 },
    upstream: {
      repository: 'https://github.com/davisking/dlib',
      file: 'dlib/image_processing/shape_predictor.h',
      symbol: 'shape_predictor',
    },
  },
  {
    id: 'arcface_w600k_r50',
    role: 'recogniser',
    licence: 'InsightFace non-commercial',
    commercialUse: false,
    inputs: [picture('*', 112)],
    outputs: [tensor('*', ['batch', 512])],
    parts: ['model'],
    decode: {
      family: 'recogniser',
      alignment: { template: 'arcface_112_v2', size: 112 },
      image: plainImage('rgb', 127.5, 1),
    },
    upstream: facefusion('face_recognizer.py', 'calculate_face_embedding'),
  },
  {
    id: 'xseg',
    role: 'mask',
    licence: 'GPL-3.0',
    commercialUse: true,
    inputs: [interleaved('*', 256)],
    outputs: [interleaved('*', 256, 1)],
    parts: ['model'],
    decode: { family: 'occlusion-mask', size: 256, image: plainImage('bgr', 255, 0, 1, 'nhwc') },
    upstream: facefusion('face_masker.py', 'create_occlusion_mask'),
  },
  {
    id: 'bisenet',
    role: 'mask',
    licence: 'MIT',
    commercialUse: true,
    inputs: [picture('*', 512)],
    outputs: [
      tensor('*', ['batch', 19, 512, 512]),
      // Heads that only training needs; some files keep them.
      optionalTensor('*', ['batch', 19, 512, 512]),
      optionalTensor('*', ['batch', 19, 512, 512]),
    ],
    parts: ['model'],
    decode: { family: 'region-mask', size: 512, classes: 19, image: IMAGENET_IMAGE },
    upstream: facefusion('face_masker.py', 'create_region_mask'),
  },
];
