import type {
  AlignmentTemplate,
  DecodeOf,
  FilePart,
  ImageInput,
  ImageOutput,
  ModelContract,
} from '@understudy/contracts';

import {
  CENTRED_OUTPUT,
  IMAGENET_IMAGE,
  UNIT_OUTPUT,
  facefusion,
  interleaved,
  optionalTensor,
  picture,
  plainImage,
  tensor,
} from './parts.js';

const UNIT = plainImage('rgb', 255);
const CENTRED = plainImage('rgb', 255, 0.5, 0.5);

const UPSTREAM = facefusion('processors/modules/face_swapper/core.py', 'create_static_model_set');

interface EmbeddingSwapper {
  readonly template: AlignmentTemplate;
  readonly size: number;
  readonly image: ImageInput;
  readonly output: ImageOutput;
  readonly source: DecodeOf<'embedding-swapper'>['source'];
  readonly licence: string;
  readonly commercialUse?: boolean;
  readonly givesMask?: boolean;
}

function embeddingSwapper(id: string, row: EmbeddingSwapper): ModelContract {
  const { size } = row;
  const parts: FilePart[] = ['model'];
  if (row.source === 'emap') parts.push('emap');
  if (row.source.startsWith('converted')) parts.push('converter');
  const mask = tensor('mask', ['batch', 1, size, size]);
  return {
    id,
    role: 'swapper',
    licence: row.licence,
    commercialUse: row.commercialUse ?? false,
    inputs: [tensor('source', ['batch', 512]), picture('target', size)],
    outputs: row.givesMask === true ? [picture('output', size), mask] : [picture('*', size)],
    parts,
    decode: {
      family: 'embedding-swapper',
      alignment: { template: row.template, size },
      image: row.image,
      output: row.output,
      source: row.source,
      givesMask: row.givesMask ?? false,
    },
    upstream: UPSTREAM,
  };
}

const INSWAPPER = {
  template: 'arcface_128',
  size: 128,
  image: UNIT,
  output: UNIT_OUTPUT,
  source: 'emap',
  licence: 'InsightFace non-commercial',
} as const;
const GHOST = {
  template: 'arcface_112_v1',
  size: 256,
  image: CENTRED,
  output: CENTRED_OUTPUT,
  source: 'converted',
  licence: 'Apache-2.0',
  commercialUse: true,
} as const;
const HYPERSWAP = {
  template: 'arcface_128',
  size: 256,
  image: CENTRED,
  output: CENTRED_OUTPUT,
  source: 'normed',
  licence: 'ResearchRAIL-M',
  givesMask: true,
} as const;

function imageSwapper(
  id: string,
  licence: string,
  image: ImageInput,
  output: ImageOutput,
  source: { readonly template: AlignmentTemplate; readonly size: number },
): ModelContract {
  return {
    id,
    role: 'swapper',
    licence,
    commercialUse: false,
    inputs: [picture('source', source.size), picture('target', 256)],
    outputs: [picture('*', 256)],
    parts: ['model'],
    decode: {
      family: 'image-swapper',
      alignment: { template: 'ffhq_512', size: 256 },
      image,
      output,
      sourceAlignment: source,
      sourceImage: UNIT,
    },
    upstream: UPSTREAM,
  };
}

export const SWAPPER_ROWS: readonly ModelContract[] = [
  embeddingSwapper('inswapper_128', INSWAPPER),
  embeddingSwapper('inswapper_128_fp16', INSWAPPER),
  embeddingSwapper('simswap_256', {
    template: 'arcface_112_v1',
    size: 256,
    image: IMAGENET_IMAGE,
    output: UNIT_OUTPUT,
    source: 'converted-normed',
    licence: 'SimSwap non-commercial',
  }),
  embeddingSwapper('simswap_unofficial_512', {
    template: 'arcface_112_v1',
    size: 512,
    image: UNIT,
    output: UNIT_OUTPUT,
    source: 'converted-normed',
    licence: 'SimSwap non-commercial',
  }),
  embeddingSwapper('ghost_1_256', GHOST),
  embeddingSwapper('ghost_2_256', GHOST),
  embeddingSwapper('ghost_3_256', GHOST),
  embeddingSwapper('hififace_256', {
    template: 'mtcnn_512',
    size: 256,
    image: CENTRED,
    output: CENTRED_OUTPUT,
    source: 'converted-normed',
    licence: 'not declared',
  }),
  embeddingSwapper('hyperswap_1a_256', HYPERSWAP),
  embeddingSwapper('hyperswap_1b_256', HYPERSWAP),
  embeddingSwapper('hyperswap_1c_256', HYPERSWAP),
  imageSwapper('blendswap_256', 'BlendSwap non-commercial', UNIT, UNIT_OUTPUT, {
    template: 'arcface_112_v2',
    size: 112,
  }),
  imageSwapper('uniface_256', 'not declared', CENTRED, CENTRED_OUTPUT, { template: 'ffhq_512', size: 256 }),
  {
    id: 'dfm',
    role: 'swapper',
    licence: 'of the studio that trained it',
    commercialUse: false,
    inputs: [interleaved('in_face:0', 'side'), optionalTensor('morph_value:0', [1])],
    outputs: [
      interleaved('out_face_mask:0', 'side', 1),
      interleaved('out_celeb_face:0', 'side'),
      interleaved('out_celeb_face_mask:0', 'side', 1),
    ],
    parts: ['model'],
    decode: {
      family: 'dfm',
      template: 'dfl_whole_face',
      image: plainImage('bgr', 255, 0, 1, 'nhwc'),
      output: UNIT_OUTPUT,
    },
    upstream: facefusion('processors/modules/deep_swapper/core.py', 'create_static_model_set'),
  },
];
