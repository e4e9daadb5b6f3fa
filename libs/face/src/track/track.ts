import type { FaceObservation } from '@understudy/contracts';
import type { Box } from '@understudy/frame';

/** One face of one frame of a track. Lengths in plate pixels. */
export interface TrackedFace {
  readonly frame: number;
  /** 68 points, smoothed over the whole clip, rounded to 1/100. */
  readonly landmarks: readonly number[];
  readonly box: Box;
  /** No face was detected in this frame: its place is interpolated between its neighbours. */
  readonly filled: boolean;
  /** 0..1: the detector's score; falls with the length of a filled gap. */
  readonly confidence: number;
}

/** One person's uninterrupted presence in the clip. */
export interface Track {
  readonly track: number;
  readonly startFrame: number;
  /** Exclusive. */
  readonly endFrame: number;
  /** One for every frame of `[startFrame, endFrame)`, in order. */
  readonly faces: readonly TrackedFace[];
  /** Mean identity of the best frames, of length 1; null when identity was never measured. */
  readonly embedding: readonly number[] | null;
  /** Frames in which it is not sure that the face lies where the track says: a person should look. */
  readonly uncertainFrames: readonly number[];
}

export interface LinkOptions {
  readonly frameCount: number;
  readonly width: number;
  readonly height: number;
  /** First frames of new camera shots, where known; no track crosses them. */
  readonly sceneCuts?: readonly number[];
}

/** Observations believed to be one face, in the order of their frames, at most one a frame. */
export type Tracklet = FaceObservation[];
