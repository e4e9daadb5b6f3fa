import {
  type IdentityImage,
  type IdentityPortrait,
  decodeEmbedding,
  facesOfImage,
  normalise,
  recogniserOf,
  templateOf,
} from '@understudy/face';
import { type Frame, cropRgb } from '@understudy/frame';

import { type LaneTask, inputPath } from '../lane/task.js';
import type { LaneTools } from '../lane/tools.js';
import { readStill } from '../stills.js';

/** Whom a cast member becomes. */
export interface Identity {
  readonly images: readonly IdentityImage[];
  /** The same as frames, as swappers' recognisers read them. */
  readonly portraits: readonly IdentityPortrait[];
  /** Mean of the images' templates, of length 1. */
  readonly embedding: Float32Array;
}

/** By cast number. */
export type Identities = ReadonlyMap<number, Identity>;

/**
 * Reads the identity images of a cast member.
 *
 * @throws UnderstudyError NO_FACE, TWO_FACES_IN_IMAGE, FACE_QUALITY_TOO_LOW
 */
export async function readIdentity(tools: LaneTools, task: LaneTask, images: readonly string[]): Promise<Identity> {
  const watch = tools.control.watch();
  try {
    const paths = images.map((sha256) => inputPath(task, sha256));
    // A still takes two starts of a program.
    const frames = await Promise.all(paths.map((path) => readStill(path, watch.signal, true)));
    return await identityOf(tools, frames);
  } finally {
    watch.close();
  }
}

async function identityOf({ models, pack }: LaneTools, frames: readonly Frame[]): Promise<Identity> {
  const read: IdentityImage[] = [];
  const portraits: IdentityPortrait[] = [];
  const embeddings: Float32Array[] = [];
  for (const frame of frames) {
    const faces = await facesOfImage(models, frame);
    const { template } = templateOf(faces, recogniserOf(pack));
    for (const { landmarks } of faces) {
      read.push({ ...pictureOf(frame), landmarks });
      portraits.push({ frame, landmarks });
    }
    embeddings.push(decodeEmbedding(template));
  }
  return { images: read, portraits, embedding: meanOf(embeddings) };
}

function pictureOf(frame: Frame): { rgb: Uint8ClampedArray; width: number; height: number } {
  const { width, height } = frame.spec;
  const rgb = new Uint8ClampedArray(cropRgb(frame, { x: 0, y: 0, width, height }, width, height, 'interleaved'));
  return { rgb, width, height };
}

function meanOf(embeddings: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(embeddings[0]?.length ?? 0);
  for (const embedding of embeddings) embedding.forEach((value, i) => (sum[i]! += value));
  return normalise(sum);
}
