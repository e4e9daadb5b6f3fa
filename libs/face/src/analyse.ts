import type { Box, Frame } from '@understudy/frame';
import type { ModelPack, SessionOptions } from '@understudy/inference';

import { openDetector } from './detect/detector.js';
import { wholeWindows, zoomWindows } from './detect/windows.js';
import { openEmbedder } from './identity/embedder.js';
import { openLandmarker } from './landmarks/landmarker.js';

/** One face of one frame, as plain JSON. */
export interface FaceObservation {
  readonly frame: number;
  /** The detector's box in plate pixels. */
  readonly box: Box;
  /** The detector's score, 0..1. */
  readonly score: number;
  /** 68 points, x and y in turn, in plate pixels, rounded to 1/100. */
  readonly landmarks: readonly number[];
  /** Identity: 512 float32 numbers of length 1, little-endian, base64. Only in frames where identity is measured. */
  readonly embedding?: string;
}

export interface FaceAnalyser {
  /** A pure function of the frame's samples and its absolute number: ranges of a clip can be cut anywhere. */
  analyseFrame(frame: Frame, frameNumber: number): Promise<FaceObservation[]>;
  release(): Promise<void>;
}

const LEAST_SCORE = 0.7;
const EMBED_EVERY = 6;
const SMALLEST_FACE_PX = 24;

export async function createFaceAnalyser(pack: ModelPack, options: SessionOptions = {}): Promise<FaceAnalyser> {
  const detector = await openDetector(pack, options);
  const landmarker = await openLandmarker(pack, options);
  const embedder = await openEmbedder(pack, options);
  return {
    analyseFrame: async (frame, frameNumber) => {
      const { width, height } = frame.spec;
      const zoom = zoomWindows(width, height, SMALLEST_FACE_PX);
      const tile = zoom[frameNumber % Math.max(1, zoom.length)];
      const windows = [...wholeWindows(width, height), ...(tile === undefined ? [] : [tile])];
      const observations: FaceObservation[] = [];
      for (const { box, score } of await detector.detect(frame, windows, LEAST_SCORE)) {
        const landmarks = Array.from(await landmarker.locate(frame, box), (value) => Math.round(value * 100) / 100);
        const observation = { frame: frameNumber, box, score, landmarks };
        if (frameNumber % EMBED_EVERY !== 0) observations.push(observation);
        else observations.push({ ...observation, embedding: encodeEmbedding(await embedder.embed(frame, landmarks)) });
      }
      return observations;
    },
    release: async () => {
      await Promise.all([detector.release(), landmarker.release(), embedder.release()]);
    },
  };
}

export function encodeEmbedding(embedding: Float32Array): string {
  return Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength).toString('base64');
}

/** @throws RangeError when the text is not a whole number of float32 values. */
export function decodeEmbedding(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0) throw new RangeError('not an embedding');
  return new Float32Array(new Uint8Array(bytes).buffer);
}
