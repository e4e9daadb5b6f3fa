import type { RenderLease } from '@understudy/contracts';
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
 * Reads the identity images of every cast member.
 *
 * @throws UnderstudyError NO_FACE, TWO_FACES_IN_IMAGE, FACE_QUALITY_TOO_LOW
 */
export async function readIdentities(tools: LaneTools, task: LaneTask, { cast }: RenderLease): Promise<Identities> {
  const watch = tools.control.watch();
  try {
    const identities = new Map<number, Identity>();
    for (const member of cast) {
      const paths = member.identityImages.map(({ sha256 }) => inputPath(task, sha256));
      identities.set(member.cast, await readIdentity(tools, paths, watch.signal));
    }
    return identities;
  } finally {
    watch.close();
  }
}

async function readIdentity(
  { models, pack }: LaneTools,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Identity> {
  const read: IdentityImage[] = [];
  const portraits: IdentityPortrait[] = [];
  const embeddings: Float32Array[] = [];
  // A still takes two starts of a program.
  for (const frame of await Promise.all(paths.map((path) => readStill(path, signal, true)))) {
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
