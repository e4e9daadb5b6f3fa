import { UnderstudyError } from '@understudy/contracts';
import {
  type OpenedPack,
  openTogether,
  partOf,
  readPackFiles,
  type SessionOptions,
  type StoredPack,
} from '@understudy/inference';

import type { FaceModels } from './analyse.js';
import { packDetector } from './detect/pack-detector.js';
import { windowDetector } from './detect/window-detector.js';
import { readShapePredictor } from './landmarks/ert-file.js';
import type { Landmarker } from './landmarks/landmarker.js';
import { packLandmarker } from './landmarks/pack-landmarker.js';
import { LANDMARK_COUNT } from './landmarks/points.js';
import { treesLandmarker } from './landmarks/trees-in-box.js';

/** Packs that take the places of built-in models. */
export interface StoredAnalysisPacks {
  readonly detector?: StoredPack | undefined;
  readonly landmarks?: StoredPack | undefined;
}

/**
 * The models that look at a plate: those of the packs, and the built-in ones for what no pack does. Releasing them
 * releases the packs' alone.
 *
 * @throws UnderstudyError what {@link openTogether} says; PACK_CONTRACT_MISMATCH where a pack has another role
 */
export async function openAnalysisModels(
  builtIn: FaceModels,
  packs: StoredAnalysisPacks,
  options: SessionOptions = {},
): Promise<FaceModels> {
  return openTogether(options, async (open, release) => ({
    detector:
      packs.detector === undefined
        ? builtIn.detector
        : windowDetector(packDetector(await open(packs.detector)), release),
    landmarker: packs.landmarks === undefined ? builtIn.landmarker : await openPackLandmarker(packs.landmarks, open),
    embedder: builtIn.embedder,
    release,
  }));
}

async function openPackLandmarker(
  stored: StoredPack,
  open: (stored: StoredPack) => Promise<OpenedPack>,
): Promise<Landmarker> {
  const { decode } = stored.manifest;
  if (decode.family === 'ensemble-of-regression-trees') return openTrees(stored, decode.points);
  const pack = await open(stored);
  const landmarker = packLandmarker(pack);
  return {
    // How far its views disagree is not known: each face is looked at once.
    locate: async (frame, box) => ({ landmarks: (await landmarker.locate(frame, box)).landmarks }),
    release: () => pack.release(),
  };
}

/** No graph: dlib's own file, evaluated here. */
async function openTrees({ folder, manifest }: StoredPack, points: number): Promise<Landmarker> {
  const predictor = readShapePredictor(partOf(manifest, await readPackFiles(folder, manifest), 'model'));
  if (points === LANDMARK_COUNT && predictor.initialShape.length === 2 * LANDMARK_COUNT) {
    return treesLandmarker(predictor);
  }
  throw new UnderstudyError(
    'PACK_CONTRACT_MISMATCH',
    `${manifest.id} finds ${predictor.initialShape.length / 2} points of a face, not ${LANDMARK_COUNT}: name another pack.`,
  );
}
