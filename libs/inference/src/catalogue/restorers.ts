import type { ModelContract } from '@understudy/contracts';

import { CENTRED_OUTPUT, facefusion, picture, plainImage, tensor } from './parts.js';

const SIZE = 512;

function restorer(id: string, licence: string, commercialUse: boolean, weighted = false): ModelContract {
  return {
    id,
    role: 'restorer',
    licence,
    commercialUse,
    inputs: [picture('input', SIZE), ...(weighted ? [tensor('weight', [1], 'float64')] : [])],
    outputs: [picture('*', SIZE)],
    parts: ['model'],
    decode: {
      family: 'restorer',
      alignment: { template: 'ffhq_512', size: SIZE },
      image: plainImage('rgb', 255, 0.5, 0.5),
      output: { ...CENTRED_OUTPUT, clamp: [-1, 1] },
      weighted,
    },
    upstream: facefusion('processors/modules/face_enhancer/core.py', 'create_static_model_set'),
  };
}

export const RESTORER_ROWS: readonly ModelContract[] = [
  restorer('gfpgan_1.2', 'Apache-2.0', true),
  restorer('gfpgan_1.3', 'Apache-2.0', true),
  restorer('gfpgan_1.4', 'Apache-2.0', true),
  restorer('codeformer', 'S-Lab 1.0', false, true),
  restorer('restoreformer_plus_plus', 'Apache-2.0', true),
  restorer('gpen_bfr_512', 'GPEN non-commercial', false),
];
