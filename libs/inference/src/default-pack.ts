import type { PackManifest } from './manifest.js';

const float32 = (name: string, ...shape: number[]) => ({ name, type: 'float32' as const, shape });

/**
 * The pack that comes with Understudy: detector (Ultra-Light RFB-320), 68 landmarks in iBUG order, 512-d identity.
 * What its makers trained it on is not documented.
 */
export const DEFAULT_PACK: PackManifest = {
  id: 'faceplugin-0.0.1',
  source: {
    packageName: 'faceplugin-face-recognition-js',
    version: '0.0.1',
    integrity: 'sha512-shriXjd4zJHEwhK1jHK+bWo8Vv6Vu9B/w6RRsd4AFtNM/jaI2vhuOamOSMl9qQmLd8WlQ7dgqN+3C2iOi5pXWw==',
    folder: 'package/model',
  },
  models: [
    {
      role: 'detector',
      file: 'fr_detect.onnx',
      sha256: '6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854',
      licence: 'MIT',
      commercialUse: true,
      inputs: [float32('input', 1, 3, 240, 320)],
      outputs: [float32('scores', 1, 4420, 2), float32('boxes', 1, 4420, 4)],
      colourOrder: 'rgb',
      mean: 127,
      divisor: 128,
    },
    {
      role: 'landmarks',
      file: 'fr_landmark.onnx',
      sha256: 'f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258',
      licence: 'MIT',
      commercialUse: true,
      inputs: [float32('input', 1, 1, 64, 64)],
      outputs: [float32('output', 1, 136)],
      colourOrder: 'grey',
      mean: 0,
      divisor: 256,
    },
    {
      role: 'identity',
      file: 'fr_feature.onnx',
      sha256: '87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581',
      licence: 'MIT',
      commercialUse: true,
      inputs: [float32('input', 1, 3, 112, 112)],
      outputs: [float32('output', 1, 512)],
      colourOrder: 'rgb',
      mean: 127,
      divisor: 128,
    },
  ],
};
