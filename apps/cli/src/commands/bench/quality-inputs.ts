import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import {
  DEFAULT_REPLACE_SETTINGS,
  type FaceModels,
  facesOfImage,
  type IdentityImage,
  type MeasuredClip,
  type MeasuredIdentity,
  normalise,
  prepareIdentity,
} from '@understudy/face';
import { cropRgb, type Frame } from '@understudy/frame';
import { type PlateInfo, probePlate, readFrames } from '@understudy/media';
import type { SampleFiles } from '../../sample/cached-sample.js';

/** A clip and those whose faces are put into it, one at a time. */
export interface QualityPlate {
  readonly name: string;
  readonly path: string;
  readonly identities: readonly { readonly name: string; readonly images: readonly string[] }[];
  /** Pictures of the one replaced; without them the clip's first track. */
  readonly references: readonly string[];
}

export function sampleCase(sample: SampleFiles): QualityPlate {
  const identities = [{ name: 'third', images: sample.identities }];
  return { name: 'sample', path: sample.plate, identities, references: sample.firstReferences };
}

/**
 * Every `portrait-*` on every `plate-*` of a folder.
 *
 * @throws UnderstudyError UNREADABLE_MEDIA when there are none
 */
export async function footageCases(folder: string): Promise<QualityPlate[]> {
  const files = (await readdir(folder).catch(() => [])).toSorted();
  const portraits = files.filter((file) => /^portrait-.*\.(jpe?g|png)$/i.test(file));
  const plates = files.filter((file) => /^plate-.*\.(mp4|mov|mkv)$/i.test(file));
  if (portraits.length === 0 || plates.length === 0) {
    throw new UnderstudyError('UNREADABLE_MEDIA', `${folder} holds no portrait-* images and plate-* clips`);
  }
  const named = (file: string): string => parse(file).name;
  const identities = portraits.map((file) => ({ name: named(file), images: [join(folder, file)] }));
  return plates.map((file) => ({ name: named(file), path: join(folder, file), identities, references: [] }));
}

/** The first frames of a clip, each read anew at every pass. */
export async function measuredClip(path: string, frames: number | undefined): Promise<MeasuredClip> {
  const plate = await probePlate(path);
  const frameCount = Math.min(plate.frameCount, frames ?? plate.frameCount);
  const { width, height } = plate.video;
  return { frameCount, width, height, frames: () => framesOf(path, plate, frameCount) };
}

async function* framesOf(path: string, plate: PlateInfo, endFrame: number): AsyncGenerator<Frame> {
  for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame })) yield frame;
}

/** A person from pictures of one face each. @throws UnderstudyError NO_FACE */
export async function measuredIdentity(models: FaceModels, paths: readonly string[]): Promise<MeasuredIdentity> {
  const images: IdentityImage[] = [];
  const embeddings: Float32Array[] = [];
  for (const path of paths) {
    const plate = await probePlate(path);
    for await (const frame of framesOf(path, plate, 1)) {
      const [face] = await facesOfImage(models, frame);
      if (face === undefined) throw new UnderstudyError('NO_FACE', `${path} shows no face`);
      const { width, height } = frame.spec;
      const rgb = Uint8ClampedArray.from(cropRgb(frame, { x: 0, y: 0, width, height }, width, height, 'interleaved'));
      images.push({ rgb, width, height, landmarks: face.landmarks });
      embeddings.push(await models.embedder.embed(frame, face.landmarks));
    }
  }
  const sum = new Float64Array(embeddings[0]?.length ?? 0);
  for (const embedding of embeddings) embedding.forEach((value, i) => (sum[i]! += value));
  return { prepared: prepareIdentity(images, DEFAULT_REPLACE_SETTINGS), embedding: normalise(sum) };
}
