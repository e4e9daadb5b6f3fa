import { z } from 'zod';

import { canonicalJson } from './canonical-json.js';

/** What a pack's model is for. */
export const PACK_ROLES = ['detector', 'landmarks', 'recogniser', 'swapper', 'restorer', 'mask'] as const;
export const PackRole = z.enum(PACK_ROLES);
export type PackRole = z.infer<typeof PackRole>;

export const TENSOR_TYPES = ['float32', 'float16', 'float64', 'int64', 'int32', 'uint8'] as const;

/** A dimension: its size, or the name of one that a file may leave open. */
export const TensorDimension = z.union([z.int().min(1).max(65_536), z.string().min(1).max(64)]);

export const PackTensor = z.strictObject({
  /** `*` in a catalogue row: whatever the file calls it; the tensor is found by its place. A pack's manifest names it. */
  name: z.string().min(1).max(200),
  type: z.enum(TENSOR_TYPES),
  shape: z.array(TensorDimension).max(6),
  /** The contract knows files with and without this input. */
  optional: z.boolean().default(false),
});
export type PackTensor = z.infer<typeof PackTensor>;

const channels = z.array(z.number()).length(3);

/** How samples of 0..255 become the network's input: `(sample / range - mean) / std`, per channel of the order named. */
export const ImageInput = z.strictObject({
  colourOrder: z.enum(['rgb', 'bgr']),
  layout: z.enum(['nchw', 'nhwc']),
  range: z.number().positive(),
  mean: channels,
  std: z.array(z.number().positive()).length(3),
});
export type ImageInput = z.infer<typeof ImageInput>;

/** How a network's output becomes samples: `255 * (clamp(value) * std + mean)`, in the input's order and layout. */
export const ImageOutput = z.strictObject({
  mean: channels,
  std: z.array(z.number().positive()).length(3),
  clamp: z.tuple([z.number(), z.number()]).optional(),
});
export type ImageOutput = z.infer<typeof ImageOutput>;

export const ALIGNMENT_TEMPLATES = [
  'arcface_112_v1',
  'arcface_112_v2',
  'arcface_128',
  'ffhq_512',
  'mtcnn_512',
  'dfl_whole_face',
] as const;
export const AlignmentTemplate = z.enum(ALIGNMENT_TEMPLATES);
export type AlignmentTemplate = z.infer<typeof AlignmentTemplate>;

/** A square crop in which eyes, nose tip and mouth corners lie at the template's points times the size. */
export const Alignment = z.strictObject({ template: AlignmentTemplate, size: z.int().min(16).max(2048) });
export type Alignment = z.infer<typeof Alignment>;

const strides = z.array(z.int().positive()).min(1).max(8);
const side = z.int().min(16).max(4096);

const landmarkFields = {
  size: side,
  /** Samples that the side of the face's box spans in the crop. */
  boxSide: z.number().positive(),
  /** Which side that is: the longest, or the mean of both; absent, the longest. */
  boxMeasure: z.enum(['longest-side', 'mean-side']).optional(),
  /** How far the crop's middle lies above the box's, in parts of the box's height; absent, not at all. */
  boxLift: z.number().min(-1).max(1).optional(),
  /** Side of the grid that points and heatmaps are given in. */
  grid: side,
  image: ImageInput,
};

/** The contract families: one adapter each, told apart by how a model is fed and read. */
export const PackDecode = z.discriminatedUnion('family', [
  z.strictObject({
    family: z.literal('anchor-detector'),
    size: side,
    strides,
    anchorsPerCell: z.int().min(1).max(8),
    image: ImageInput,
  }),
  z.strictObject({ family: z.literal('yolo-face'), size: side, image: ImageInput }),
  z.strictObject({ family: z.literal('yunet'), size: side, strides, image: ImageInput }),
  z.strictObject({ family: z.literal('landmark-points'), ...landmarkFields }),
  z.strictObject({ family: z.literal('landmark-heatmaps'), ...landmarkFields }),
  z.strictObject({ family: z.literal('ensemble-of-regression-trees'), points: z.int().min(1).max(1000) }),
  z.strictObject({ family: z.literal('recogniser'), alignment: Alignment, image: ImageInput }),
  z.strictObject({
    family: z.literal('embedding-swapper'),
    alignment: Alignment,
    image: ImageInput,
    output: ImageOutput,
    /** How the identity is given: by the emap, normed, or through the converter file and then normed or as it comes. */
    source: z.enum(['emap', 'normed', 'converted-normed', 'converted']),
    /** The network also says where its face is. */
    givesMask: z.boolean(),
  }),
  z.strictObject({
    family: z.literal('image-swapper'),
    alignment: Alignment,
    image: ImageInput,
    output: ImageOutput,
    sourceAlignment: Alignment,
    sourceImage: ImageInput,
  }),
  z.strictObject({ family: z.literal('dfm'), template: AlignmentTemplate, image: ImageInput, output: ImageOutput }),
  z.strictObject({
    family: z.literal('restorer'),
    alignment: Alignment,
    image: ImageInput,
    output: ImageOutput,
    /** An input `weight`, float64 of one number: 0 most changed, 1 most faithful. */
    weighted: z.boolean(),
  }),
  z.strictObject({ family: z.literal('occlusion-mask'), size: side, image: ImageInput }),
  z.strictObject({ family: z.literal('region-mask'), size: side, classes: z.int().min(2).max(64), image: ImageInput }),
]);
export type PackDecode = z.infer<typeof PackDecode>;
export type PackFamily = PackDecode['family'];
export type DecodeOf<F extends PackFamily> = Extract<PackDecode, { family: F }>;

export const FILE_PARTS = ['model', 'converter', 'emap', 'external', 'licence'] as const;
export type FilePart = (typeof FILE_PARTS)[number];

/** What is known of a model before there is a file: a row of the catalogue. */
export const ModelContract = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._+-]{0,63}$/),
  role: PackRole,
  licence: z.string().min(1).max(200),
  commercialUse: z.boolean(),
  inputs: z.array(PackTensor).max(8),
  outputs: z.array(PackTensor).max(32),
  /** Files that the pack needs. Only `model` and `converter` are graphs. */
  parts: z.array(z.enum(FILE_PARTS)).min(1),
  decode: PackDecode,
  /** Where the numbers of this row come from. */
  upstream: z.strictObject({
    repository: z.url(),
    file: z.string().min(1),
    symbol: z.string().min(1),
    /** The commit that was read. */
    revision: z
      .string()
      .regex(/^[0-9a-f]{40}$/)
      .optional(),
  }),
});
export type ModelContract = z.infer<typeof ModelContract>;

export const PackFile = z.strictObject({
  /** A name inside the pack's folder; never a path. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/),
  part: z.enum(FILE_PARTS),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(1),
});
export type PackFile = z.infer<typeof PackFile>;

const canaryOutputs = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(200),
      shape: z.array(z.int().min(1)).max(6),
      /** At places spread over the output. */
      samples: z.array(z.number()).min(1).max(64),
      /** Largest magnitude of the whole output. */
      peak: z.number().min(0),
    }),
  )
  .max(32);

/** What a model gave on one processor, in single precision, for inputs that everybody can make: a few numbers of each output. */
export const PackCanary = z.strictObject({
  outputs: canaryOutputs,
  /** The same of the converter; absent where there is none, or it was added before converters had a canary. */
  converter: canaryOutputs.optional(),
});
export type PackCanary = z.infer<typeof PackCanary>;

/** The file `manifest.json` of a pack's folder. Nothing runs that differs from it. */
export const ModelManifestDocument = ModelContract.extend({
  schema: z.literal('understudy/model-pack/1'),
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/),
  files: z.array(PackFile).min(1).max(16),
  /** Recorded when the pack was added; a lane that gives other numbers is not given its work. Absent where nothing is a graph. */
  canary: PackCanary.optional(),
});
export type ModelManifestDocument = z.infer<typeof ModelManifestDocument>;

/**
 * The text whose SHA-256 a plan pins: canonical JSON of the manifest, which names every file by hash. Without the canary:
 * its last digits depend on the processor that it was recorded on, and the same files are the same pack everywhere.
 */
export function pinnedText(manifest: ModelManifestDocument): string {
  return canonicalJson({ ...manifest, canary: undefined });
}
