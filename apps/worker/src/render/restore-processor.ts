import { CLASSICAL_RESTORER, type RestoreProcessor, settingsAt } from '@understudy/contracts';
import {
  type BoundedStrength,
  detailGain,
  enlargeDetail,
  type Landmarks,
  openFaceMasks,
  openRestoreStep,
  type RestoredSample,
  strengthWithinDrift,
} from '@understudy/face';
import { type Frame, wrapFrame } from '@understudy/frame';
import { readFrames } from '@understudy/media';

import { maskPacks, type PackInputs, pinnedPack, type RecipeInputs } from './pack-inputs.js';
import { type BoundedTrack, restoredAt, restoredTracks } from './restored.js';
import type { FrameProcessor } from './steps.js';
import { type CastTrack, castTracks } from './cast-tracks.js';
import { type AnalysedTrack, faceAt, sampledFrames } from './tracks.js';

type Settings = RestoreProcessor['settings'];

/** A frame of a track, as it was shot and as the steps before made it. */
interface Sample {
  readonly plate: Frame;
  readonly frame: Frame;
  readonly landmarks: Landmarks;
}

/** A restorer made ready for one track: how a face of it is restored. */
type Restore = (frame: Frame, landmarks: Landmarks) => Promise<RestoredSample['write']>;

interface Restorer {
  ofTrack(samples: readonly Sample[]): Promise<Restore>;
  release(): Promise<void>;
}

/**
 * Restores the cast's faces. How strongly is decided once for each track, from frames of it that every lane decodes alike:
 * so no frame's samples depend on which range is rendered where, and nothing flickers.
 *
 * @param before the steps before this one: what is measured is what they leave
 * @throws UnderstudyError what opening its packs says
 */
export async function restoreProcessor(
  { lease, analysis }: RecipeInputs,
  processor: RestoreProcessor,
  packs: PackInputs,
  before: readonly FrameProcessor[],
): Promise<FrameProcessor> {
  const { settings } = processor;
  const restorer =
    settings.restorer.id === CLASSICAL_RESTORER ? await classical(settings, packs) : await ofPack(settings, packs);
  const members: (BoundedTrack & { readonly restore: Restore })[] = [];
  try {
    for (const member of castTracks(lease.cast, analysis)) {
      const samples = await sampleTrack(member, packs, before);
      const restore = await restorer.ofTrack(samples);
      const asked = { strength: strongest(processor, member.track, member.cast), maxDrift: settings.maxDrift };
      members.push({ member, restore, bound: await boundOf(samples, restore, asked, packs) });
    }
  } catch (thrown) {
    await restorer.release();
    throw thrown;
  }
  return {
    name: 'restore',
    async apply(frame, frameNumber) {
      for (const one of members) {
        const restored = restoredAt(processor, one, frameNumber);
        if (restored === undefined || restored.strength === 0) continue;
        (await one.restore(frame, restored.landmarks))(frame, restored.strength);
      }
    },
    restored: (startFrame, endFrame) => restoredTracks(processor, members, startFrame, endFrame),
    release: () => restorer.release(),
  };
}

/** The largest strength that any frame of the track is given. */
function strongest(processor: RestoreProcessor, { startFrame, faces }: AnalysedTrack, cast: number): number {
  const given = faces.map((_, index) => settingsAt(processor, startFrame + index, cast).strength);
  return Math.max(...given);
}

/** Fine detail enlarged by one gain for the whole track: the middle one of its sampled frames. */
async function classical(settings: Settings, packs: PackInputs): Promise<Restorer> {
  const { sharpness, feather, shape } = settings;
  const masks = await openFaceMasks(await maskPacks(packs, settings), packs.session);
  return {
    ofTrack: async (samples) => {
      const gains: number[] = [];
      for (const { frame, plate, landmarks } of samples) {
        const seen = await masks?.seenIn(frame, landmarks);
        gains.push(detailGain(frame, plate, landmarks, { sharpness, feather, shape, seen }));
      }
      const gain = gains.toSorted((a, b) => a - b)[Math.floor(gains.length / 2)] ?? 0;
      return async (source, landmarks) => {
        const seen = await masks?.seenIn(source, landmarks);
        return (frame, strength) => enlargeDetail(frame, source, landmarks, { gain, strength, feather, shape, seen });
      };
    },
    release: async () => masks?.release(),
  };
}

async function ofPack(settings: Settings, packs: PackInputs): Promise<Restorer> {
  const step = await openRestoreStep(
    {
      restorer: await pinnedPack(packs, settings.restorer),
      ...(await maskPacks(packs, settings)),
    },
    packs.session,
  );
  const { weight, feather, shape, blend } = settings;
  return {
    ofTrack: async () => (frame, landmarks) => step.prepare(frame, landmarks, { weight, feather, shape, blend }),
    release: () => step.release(),
  };
}

async function boundOf(
  samples: readonly Sample[],
  restore: Restore,
  bound: Pick<Settings, 'strength' | 'maxDrift'>,
  { models }: PackInputs,
): Promise<BoundedStrength> {
  const restored: RestoredSample[] = [];
  for (const { frame, landmarks } of samples) {
    restored.push({ frame, landmarks, write: await restore(frame, landmarks) });
  }
  const identityOf = (frame: Frame, landmarks: Landmarks) => models.embedder.embed(frame, landmarks);
  return strengthWithinDrift(restored, bound, identityOf);
}

async function sampleTrack(
  member: CastTrack,
  { platePath: path, plate: info, signal }: PackInputs,
  before: readonly FrameProcessor[],
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const startFrame of sampledFrames(member.track, (number) => member.shownAt(number)?.share === 1)) {
    const { landmarks } = faceAt(member.track, startFrame)!;
    for await (const { frame: plate } of readFrames({
      path,
      plate: info,
      startFrame,
      endFrame: startFrame + 1,
      signal,
    })) {
      const frame = wrapFrame(plate.spec, plate.bytes.slice());
      for (const step of before) await step.apply(frame, startFrame);
      samples.push({ plate, frame, landmarks });
    }
  }
  return samples;
}
