import { settingsAt, type SwapProcessor } from '@understudy/contracts';
import { openSwapStep, type SwapSource } from '@understudy/face';

import { optionalPack, type PackInputs, pinnedPack, type RecipeInputs } from './pack-inputs.js';
import type { FrameProcessor } from './steps.js';
import { type AnalysedTrack, faceAt, trackOf } from './tracks.js';

interface Member {
  readonly cast: number;
  readonly track: AnalysedTrack;
  readonly source: SwapSource | undefined;
}

/** Replaces the cast's faces by a pack's network. @throws UnderstudyError what opening its packs says */
export async function swapProcessor(
  { lease, analysis, identities }: RecipeInputs,
  processor: SwapProcessor,
  packs: PackInputs,
): Promise<FrameProcessor> {
  const { settings } = processor;
  const step = await openSwapStep(
    {
      swapper: await pinnedPack(packs, settings.swapper),
      ...(await optionalPack(packs, 'recogniser', settings.recogniser)),
      ...(await optionalPack(packs, 'occlusion', settings.occlusion)),
      ...(await optionalPack(packs, 'regions', settings.regions)),
    },
    packs.session,
  );
  const members: Member[] = [];
  try {
    for (const { cast, tracks } of lease.cast) {
      const identity = identities.get(cast);
      if (identity === undefined) continue;
      const source = await step.prepare(identity.portraits);
      for (const number of tracks) members.push({ cast, track: trackOf(analysis, number), source });
    }
  } catch (thrown) {
    await step.release();
    throw thrown;
  }
  return {
    name: 'swap',
    async apply(frame, frameNumber) {
      for (const { cast, track, source } of members) {
        const face = faceAt(track, frameNumber);
        const here = settingsAt(processor, frameNumber, cast);
        if (face !== undefined && here.strength > 0) await step.apply(frame, face.landmarks, source, here);
      }
    },
    release: () => step.release(),
  };
}
