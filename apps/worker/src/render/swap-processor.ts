import {
  canonicalJson,
  settingsAt,
  type SwapNetworks,
  swapNetworksOf,
  type SwapProcessor,
} from '@understudy/contracts';
import { openSwapStep, type SwapSource, type SwapStep } from '@understudy/face';

import { optionalPack, type PackInputs, pinnedPack, type RecipeInputs } from './pack-inputs.js';
import type { FrameProcessor } from './steps.js';
import { type AnalysedTrack, faceAt, trackOf } from './tracks.js';

interface Member {
  readonly cast: number;
  readonly track: AnalysedTrack;
  readonly step: SwapStep;
  readonly source: SwapSource | undefined;
}

/** Replaces the cast's faces by packs' networks, each member's by its own. @throws UnderstudyError what opening its packs says */
export async function swapProcessor(
  { lease, analysis, identities }: RecipeInputs,
  processor: SwapProcessor,
  packs: PackInputs,
): Promise<FrameProcessor> {
  const steps = new Map<string, SwapStep>();
  const release = async (): Promise<void> => {
    for (const step of steps.values()) await step.release();
  };
  const members: Member[] = [];
  try {
    for (const { cast, tracks } of lease.cast) {
      const identity = identities.get(cast);
      if (identity === undefined) continue;
      const networks = swapNetworksOf(processor, cast);
      const key = canonicalJson(networks);
      const step = steps.get(key) ?? (await openStep(processor, networks, packs));
      steps.set(key, step);
      const source = await step.prepare(identity.portraits);
      for (const number of tracks) members.push({ cast, track: trackOf(analysis, number), step, source });
    }
  } catch (thrown) {
    await release();
    throw thrown;
  }
  return {
    name: 'swap',
    async apply(frame, frameNumber) {
      for (const { cast, track, step, source } of members) {
        const face = faceAt(track, frameNumber);
        const here = settingsAt(processor, frameNumber, cast);
        if (face !== undefined && here.strength > 0) await step.apply(frame, face.landmarks, source, here);
      }
    },
    release,
  };
}

async function openStep({ settings }: SwapProcessor, networks: SwapNetworks, packs: PackInputs): Promise<SwapStep> {
  return openSwapStep(
    {
      swapper: await pinnedPack(packs, networks.swapper),
      ...(await optionalPack(packs, 'recogniser', networks.recogniser)),
      ...(await optionalPack(packs, 'occlusion', settings.occlusion)),
      ...(await optionalPack(packs, 'regions', settings.regions)),
    },
    packs.session,
  );
}
