import type { Frame } from '@understudy/frame';
import { type OpenedPack, openTogether, type SessionOptions, type StoredPack } from '@understudy/inference';

import { fivePoints } from '../identity/embedder.js';
import { normalise } from '../identity/cosine.js';
import type { Landmarks } from '../landmarks/points.js';
import type { FaceEdge, MaskPacks } from '../mask/face-mask.js';
import { faceMask, openMaskers } from '../mask/face-mask.js';
import { packDfm } from './dfm.js';
import type { FaceFit } from './fit-face.js';
import { fitFace } from './fit-face.js';
import type { RawEmbedding } from './recogniser.js';
import { packRecogniser } from './recogniser.js';
import type { SwappedFace } from './swapped-face.js';
import { pasteFace } from './swapped-face.js';
import type { SwapSource } from './swapper.js';
import { packSwapper } from './swapper.js';

/** The packs of one swap. The recogniser is the one that the swapper was trained with; a DFM and image swappers need none. */
export interface SwapPacks extends MaskPacks {
  readonly swapper: StoredPack;
  readonly recogniser?: StoredPack;
}

/** A picture of the identity and the 68 points of its face. */
export interface IdentityPortrait {
  readonly frame: Frame;
  readonly landmarks: Landmarks;
}

export interface SwapSettings extends FaceEdge, FaceFit {
  /** 0 keeps the plate, 1 writes the whole face. */
  readonly strength: number;
  /** 0..1, read by DFM files that morph. */
  readonly morph: number;
}

export interface SwapStep {
  /**
   * Makes an identity ready, once for all frames. Several pictures' embeddings are averaged; image swappers take the first
   * picture. `undefined` for a DFM, which knows one performer only.
   */
  prepare(images: readonly IdentityPortrait[]): Promise<SwapSource | undefined>;
  /**
   * Writes the identity over the face at these 68 points, in place. A pure function of frame, points, source and settings:
   * ranges of a clip can be cut anywhere. Outside its mask no sample changes.
   */
  apply(frame: Frame, landmarks: Landmarks, source: SwapSource | undefined, settings: SwapSettings): Promise<void>;
  release(): Promise<void>;
}

/**
 * Opens the networks of a swap, one after the other.
 *
 * @throws UnderstudyError what {@link openTogether} says; PACK_CONTRACT_MISMATCH where a pack has another role
 */
export async function openSwapStep(packs: SwapPacks, options: SessionOptions = {}): Promise<SwapStep> {
  return openTogether(options, async (open, release) => {
    const swapper = await open(packs.swapper);
    const recogniser = packs.recogniser === undefined ? undefined : packRecogniser(await open(packs.recogniser));
    const maskers = await openMaskers(packs, open);
    const network = networkOf(swapper);
    return {
      prepare: async (images) => network.prepare(images, recogniser),
      apply: async (frame, landmarks, source, settings) => {
        const face = await network.swap(frame, landmarks, source, settings.morph);
        const mask = await faceMask(frame, landmarks, face, settings, maskers);
        pasteFace(frame, fitFace(frame, landmarks, face, mask, settings), mask.written, settings.strength);
      },
      release,
    };
  });
}

interface Network {
  prepare(
    images: readonly IdentityPortrait[],
    recogniser: ReturnType<typeof packRecogniser> | undefined,
  ): Promise<SwapSource | undefined>;
  swap(frame: Frame, landmarks: Landmarks, source: SwapSource | undefined, morph: number): Promise<SwappedFace>;
}

function networkOf(pack: OpenedPack): Network {
  if (pack.manifest.decode.family === 'dfm') {
    const dfm = packDfm(pack);
    return {
      prepare: async () => undefined,
      swap: (frame, landmarks, _source, morph) => dfm.swap(frame, fivePoints(landmarks), morph),
    };
  }
  const swapper = packSwapper(pack);
  const needsEmbedding = pack.manifest.decode.family === 'embedding-swapper';
  return {
    prepare: async (images, recogniser) => {
      const [first] = images;
      if (first === undefined) throw new RangeError('a swap needs a picture of the identity');
      if (needsEmbedding && recogniser === undefined)
        throw new RangeError(`${pack.manifest.id} needs a recogniser pack`);
      const embeddings: RawEmbedding[] = [];
      for (const { frame, landmarks } of needsEmbedding ? images : []) {
        embeddings.push(await recogniser!.embed(frame, fivePoints(landmarks)));
      }
      return swapper.prepare(meanEmbedding(embeddings), { frame: first.frame, points: fivePoints(first.landmarks) });
    },
    swap: (frame, landmarks, source) => {
      if (source === undefined) throw new RangeError(`${pack.manifest.id} needs a prepared source`);
      return swapper.swap(frame, fivePoints(landmarks), source);
    },
  };
}

/** The mean of several pictures' embeddings, with its length. */
export function meanEmbedding(embeddings: readonly RawEmbedding[]): RawEmbedding {
  const size = embeddings[0]?.raw.length ?? 0;
  const raw = new Float32Array(size);
  for (const one of embeddings) for (let i = 0; i < size; i++) raw[i]! += one.raw[i]! / embeddings.length;
  return { raw, normed: normalise(raw) };
}
