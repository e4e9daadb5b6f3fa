import {
  canonicalJson,
  settingsAt,
  type SwapNetworks,
  swapNetworksOf,
  type SwapProcessor,
} from '@understudy/contracts';
import { openSwapStep, type SwapSource, type SwapStep } from '@understudy/face';

import { maskPacks, optionalPack, type PackInputs, pinnedPack, type RecipeInputs } from './pack-inputs.js';
import type { FrameProcessor } from './steps.js';
import { type CastTrack, castTracks } from './cast-tracks.js';

interface Member {
  readonly member: CastTrack;
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
    for (const one of lease.cast) {
      const identity = identities.get(one.cast);
      if (identity === undefined) continue;
      const networks = swapNetworksOf(processor, one.cast);
      const key = canonicalJson(networks);
      const step = steps.get(key) ?? (await openStep(processor, networks, packs));
      steps.set(key, step);
      const source = await step.prepare(identity.portraits);
      for (const member of castTracks([one], analysis)) members.push({ member, step, source });
    }
  } catch (thrown) {
    await release();
    throw thrown;
  }
  return {
    name: 'swap',
    async apply(frame, frameNumber) {
      for (const { member, step, source } of members) {
        const shown = member.shownAt(frameNumber);
        const here = settingsAt(processor, frameNumber, member.cast);
        if (shown === undefined || here.strength === 0) continue;
        const strength = here.strength * shown.share;
        await step.apply(frame, shown.face.landmarks, source, { ...here, strength });
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
      ...(await maskPacks(packs, settings)),
    },
    packs.session,
  );
}
