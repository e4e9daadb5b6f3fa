import { z } from 'zod';

/** One face of one frame, before anybody knows whose it is. Lengths in plate pixels. */
export const FaceObservation = z.object({
  frame: z.int().min(0),
  box: z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }),
  /** The detector's, 0..1. */
  score: z.number(),
  /** 68 points in iBUG order, x and y in turn. */
  landmarks: z.array(z.number()).length(136),
  /** Identity template; only in frames where identity is measured. */
  embedding: z.string().optional(),
  /** How far the landmark model's views of this face disagree, in parts of the eye distance: large when it is covered. */
  spread: z.number().optional(),
  /** 0..1: edge strength of the aligned face against its contrast. */
  sharpness: z.number().optional(),
  /** Rough turn of the head in degrees, positive towards the image's right; only to rank frames. */
  yawDeg: z.number().optional(),
  /** Mean and variance of R'G'B' (0..255) over the skin inside the landmarks' hull. */
  light: z.object({ mean: z.array(z.number()).length(3), variance: z.array(z.number()).length(3) }).optional(),
});
export type FaceObservation = z.infer<typeof FaceObservation>;

/** What an analyse task gives for `[startFrame, endFrame)`: one entry a frame, in order. Stored as gzip of its JSON. */
export const ObservationTable = z
  .object({
    format: z.literal('understudy-observations/1'),
    startFrame: z.int().min(0),
    endFrame: z.int().min(1),
    /** Which model read the embeddings: those of different recognisers are never compared. */
    recogniser: z.string().min(1).max(120),
    frames: z.array(z.array(FaceObservation)),
  })
  .refine(
    (table) => table.frames.length === table.endFrame - table.startFrame,
    'one entry for each frame of the range',
  );
export type ObservationTable = z.infer<typeof ObservationTable>;

/** What an enrol task gives for one image, as JSON. */
export const EnrolResult = z.object({
  format: z.literal('understudy-template/1'),
  /** 512 little-endian float32 of unit length, base64. */
  template: z.string(),
  /** Which model read it: templates of different recognisers are never compared. */
  recogniser: z.string().min(1).max(120),
  /** 0..1, the least of the measures of the face's size, sharpness, light and pose. */
  quality: z.number(),
});
export type EnrolResult = z.infer<typeof EnrolResult>;
