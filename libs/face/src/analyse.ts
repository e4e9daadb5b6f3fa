import type { FaceObservation } from '@understudy/contracts';
import type { Box, Frame } from '@understudy/frame';
import type { ModelPack, SessionOptions } from '@understudy/inference';

import type { Detection } from './detect/non-maximum.js';
import { suppressNonMaximum } from './detect/non-maximum.js';
import type { FaceDetector } from './detect/detector.js';
import { openDetector } from './detect/detector.js';
import { farWindow, windowsOfFrame } from './detect/windows.js';
import { encodeEmbedding } from './identity/embedding-text.js';
import type { FaceEmbedder } from './identity/embedder.js';
import { cropAligned, openEmbedder } from './identity/embedder.js';
import type { Landmarker } from './landmarks/landmarker.js';
import { openLandmarker } from './landmarks/landmarker.js';
import { measureLight, measureSharpness } from './appearance.js';
import { yawDegrees } from './landmarks/points.js';

/** Weaker detections are kept out of the analysis; the tracker decides about those that are weak but steady. */
const LEAST_SCORE = 0.5;

/** From further away, with the plate's edges drawn out around it, patterns look like faces more easily. */
const LEAST_FAR_SCORE = 0.8;

/** Identity is measured in every frame of this period, and whenever a small face was looked for and found. */
const EMBED_PERIOD = 6;

const SMALLEST_FACE_PX = 24;

export interface FaceModels {
  readonly detector: FaceDetector;
  readonly landmarker: Landmarker;
  readonly embedder: FaceEmbedder;
  release(): Promise<void>;
}

/** Opens the three models of a pack that see faces. */
export async function openFaceModels(pack: ModelPack, options: SessionOptions = {}): Promise<FaceModels> {
  // One after the other: creating sessions at once has crashed runtimes.
  const detector = await openDetector(pack, options);
  const landmarker = await openLandmarker(pack, options);
  const embedder = await openEmbedder(pack, options);
  return {
    detector,
    landmarker,
    embedder,
    release: async () => {
      await Promise.all([detector.release(), landmarker.release(), embedder.release()]);
    },
  };
}

export interface FaceAnalyser {
  /** A pure function of the frame's samples and its absolute number: ranges of a clip can be cut anywhere. */
  analyseFrame(frame: Frame, frameNumber: number): Promise<FaceObservation[]>;
  release(): Promise<void>;
}

export async function createFaceAnalyser(pack: ModelPack, options: SessionOptions = {}): Promise<FaceAnalyser> {
  return faceAnalyser(await openFaceModels(pack, options));
}

/** The analyser over models that are open already; releasing it releases them. */
export function faceAnalyser(models: FaceModels): FaceAnalyser {
  return {
    analyseFrame: async (frame, frameNumber) => {
      const { width, height } = frame.spec;
      const windows = windowsOfFrame(width, height, SMALLEST_FACE_PX, frameNumber);
      const near = await models.detector.detect(frame, windows, LEAST_SCORE);
      const found = near.some(({ zoomed }) => !zoomed)
        ? near
        : suppressNonMaximum([
            ...near,
            ...(await models.detector.detect(frame, [farWindow(width, height)], LEAST_FAR_SCORE)),
          ]);
      const observations: FaceObservation[] = [];
      for (const detection of found) {
        const embeds = frameNumber % EMBED_PERIOD === 0 || detection.zoomed;
        observations.push({ frame: frameNumber, ...(await observeFace(models, frame, detection, embeds)) });
      }
      return observations;
    },
    release: () => models.release(),
  };
}

/** Everything that is measured on one detected face. */
export async function observeFace(
  models: FaceModels,
  frame: Frame,
  detection: Detection,
  embeds: boolean,
): Promise<Omit<FaceObservation, 'frame'>> {
  const located = await models.landmarker.locate(frame, detection.box);
  const landmarks = Array.from(located.landmarks, (value) => rounded(value, 2));
  const aligned = cropAligned(frame, landmarks);
  const { x, y, width, height } = detection.box;
  const box: Box = { x: rounded(x, 2), y: rounded(y, 2), width: rounded(width, 2), height: rounded(height, 2) };
  const observation = {
    box,
    score: rounded(detection.score, 4),
    landmarks,
    ...(located.spread === undefined ? {} : { spread: rounded(located.spread, 5) }),
    sharpness: rounded(measureSharpness(aligned), 4),
    yawDeg: rounded(yawDegrees(landmarks), 1),
    light: measureLight(aligned, landmarks),
  };
  if (!embeds) return observation;
  return { ...observation, embedding: encodeEmbedding(await models.embedder.embedAligned(aligned)) };
}

function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
