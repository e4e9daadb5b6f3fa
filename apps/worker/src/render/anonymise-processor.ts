import { type Processor, settingsAt } from '@understudy/contracts';
import { anonymiseFrame, extendTracks, seedOf } from '@understudy/face';

import type { PackInputs, RecipeInputs } from './pack-inputs.js';
import type { FrameProcessor } from './steps.js';
import { strangersOf } from './strangers.js';
import { faceAt, trackOf } from './tracks.js';

type AnonymiseProcessor = Extract<Processor, { type: 'anonymise' }>;

/** Frames beyond a track's ends in which the face may be seen although it was not detected. */
const FRAMES_BEYOND = 12;

/**
 * Covers the heads of the tracks that the plan names.
 *
 * @param packs for the style `stranger`: what is needed to see whom a stranger resembles
 */
export async function anonymiseProcessor(
  inputs: RecipeInputs,
  processor: AnonymiseProcessor,
  packs: PackInputs | undefined,
): Promise<FrameProcessor> {
  const { lease, analysis } = inputs;
  const { frameCount, width, height } = analysis;
  const covered = lease.anonymiseTracks.map((number) => ({ ...trackOf(analysis, number), embedding: null }));
  const tracks = extendTracks(covered, FRAMES_BEYOND, { frameCount, width, height });
  const seed = shotSeed(inputs);
  const strangers = await strangersOf(inputs, processor, packs, seed);
  return {
    name: 'anonymise',
    apply(frame, frameNumber) {
      const faces = tracks.flatMap((track) => {
        const face = faceAt(track, frameNumber);
        return face === undefined ? [] : [{ ...face, ...strangers.get(track.track) }];
      });
      anonymiseFrame(frame, faces, { ...settingsAt(processor, frameNumber), seed });
    },
  };
}

/** From the pinned analysis: the same for every shard of the shot, another for another plate. */
function shotSeed({ analysis }: RecipeInputs): number {
  const { frameCount, width, height, tracks } = analysis;
  const starts = tracks.map(({ track, startFrame, endFrame, faces }) => [track, startFrame, endFrame, faces[0]?.box]);
  return seedOf(JSON.stringify([frameCount, width, height, starts]));
}
