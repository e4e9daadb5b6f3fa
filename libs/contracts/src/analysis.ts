import { z } from 'zod';

/** One face of one frame of a track. Lengths in plate pixels. */
export const AnalysedFace = z.object({
  frame: z.int().min(0),
  /** 68 points in iBUG order, x and y in turn, smoothed over the whole clip. */
  landmarks: z.array(z.number()).length(136),
  box: z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }),
  /** No face was detected in this frame: its place is interpolated between its neighbours. */
  filled: z.boolean(),
  /** 0..1. */
  confidence: z.number(),
});

/**
 * The hashed table of faces and tracks of a plate, made once and used by every shard. Stored as gzip of its canonical
 * JSON, so that equal analyses are one object. It tells where faces are and which belong together, never whose they
 * are: it holds no template.
 */
export const AnalysisTable = z.object({
  format: z.literal('understudy-analysis/1'),
  frameCount: z.int().min(1),
  width: z.int().min(1),
  height: z.int().min(1),
  tracks: z.array(
    z.object({
      track: z.int().min(0),
      startFrame: z.int().min(0),
      endFrame: z.int().min(1),
      /** One for every frame of `[startFrame, endFrame)`, in order. */
      faces: z.array(AnalysedFace),
      /** Frames in which it is not sure that the face lies where the track says. */
      uncertainFrames: z.array(z.int().min(0)),
    }),
  ),
});
export type AnalysisTable = z.infer<typeof AnalysisTable>;
