import { type Processor, UnderstudyError } from '@understudy/contracts';
import { type Stranger, chooseStranger, prepareStranger, seedOf, showsStranger, usualPitch } from '@understudy/face';
import { readFrames } from '@understudy/media';
import { drawStranger, plateFrame } from '@understudy/sample';

import type { PackInputs, RecipeInputs } from './pack-inputs.js';
import { type AnalysedTrack, faceAt, sampledFrames, trackOf } from './tracks.js';

type AnonymiseProcessor = Extract<Processor, { type: 'anonymise' }>;

/** Whom a track shows, and what of the person's bearing is usual. */
export interface TrackStranger {
  readonly stranger: Stranger;
  readonly usualPitch: number;
}

/** More faces tell no more about a head. */
const LARGEST_SAMPLE = 200;

/**
 * Whose face each covered track gets: one drawn stranger for the whole of it, in every shard. Chosen by a seed, and unlike
 * the track's own face and everybody of the cast. A track whose face is nowhere large or frontal enough has none.
 *
 * @returns by track number; empty where the recipe shows no strangers
 */
export async function strangersOf(
  { lease, analysis, identities }: RecipeInputs,
  processor: AnonymiseProcessor,
  packs: PackInputs | undefined,
  seed: number,
): Promise<ReadonlyMap<number, TrackStranger>> {
  const strangers = new Map<number, TrackStranger>();
  if (!usesStrangers(processor)) return strangers;
  if (packs === undefined)
    throw new UnderstudyError('INTERNAL', 'Strangers were asked for without models to see them.');
  const cast = [...identities.values()].map(({ embedding }) => embedding);
  const taken = new Set<number>();
  for (const number of lease.anonymiseTracks.toSorted((a, b) => a - b)) {
    const track = trackOf(analysis, number);
    if (!track.faces.some((face) => showsStranger(face, processor.settings.margin))) continue;
    const faces = [...cast, ...(await facesOf(track, packs))];
    const stranger = await chooseStranger(seedOf(`${seed} ${number}`), (one) => candidate(packs, one), faces, taken);
    if (stranger !== null) strangers.set(number, { stranger, usualPitch: usualPitch(sampleOf(track)) });
  }
  return strangers;
}

function sampleOf({ faces }: AnalysedTrack): readonly (readonly number[])[] {
  const every = Math.ceil(faces.length / LARGEST_SAMPLE);
  return faces.filter((_, index) => index % every === 0).map(({ landmarks }) => landmarks);
}

function usesStrangers({ settings, overrides }: AnonymiseProcessor): boolean {
  return settings.style === 'stranger' || (overrides ?? []).some((one) => one.settings.style === 'stranger');
}

async function candidate({ models, signal }: PackInputs, number: number) {
  signal.throwIfAborted();
  const { picture, landmarks } = await drawStranger(number);
  const { width, height, data: rgb } = picture;
  return {
    stranger: prepareStranger({ rgb, width, height, landmarks }),
    embedding: await models.embedder.embed(plateFrame(picture), landmarks),
  };
}

/** A track's face as filmed, on the frames that stand for it. */
async function facesOf(
  track: AnalysedTrack,
  { platePath: path, plate, models, signal }: PackInputs,
): Promise<Float32Array[]> {
  const faces: Float32Array[] = [];
  for (const startFrame of sampledFrames(track)) {
    const { landmarks } = faceAt(track, startFrame)!;
    for await (const { frame } of readFrames({ path, plate, startFrame, endFrame: startFrame + 1, signal })) {
      faces.push(await models.embedder.embed(frame, landmarks));
    }
  }
  return faces;
}
