import type { FaceProbe, RestoredTrack } from '@understudy/contracts';
import type { Frame } from '@understudy/frame';

/** One step of a recipe. A pure function of the frame, its absolute number and what the shot has pinned. */
export interface FrameProcessor {
  readonly name: string;
  /** Changes the frame in place; a network's answer may be waited for. */
  apply(frame: Frame, frameNumber: number): void | Promise<void>;
  /** How strongly it restores the faces in the frames `[startFrame, endFrame)`. */
  restored?(startFrame: number, endFrame: number): RestoredTrack[];
  /** Frees what it holds beyond memory: the sessions of its models. */
  release?(): Promise<void>;
}

/** Measures finished frames by looking at them anew. */
export interface FrameProber {
  measure(plateFrame: Frame, outputFrame: Frame, frameNumber: number): Promise<FaceProbe[]>;
}
