import { type Processor, settingsAt, UnderstudyError } from '@understudy/contracts';
import {
  type FaceMasks,
  openFaceMasks,
  type PreparedReplaceTrack,
  prepareIdentity,
  prepareReplaceTrack,
  replaceFace,
  replaceSettings,
} from '@understudy/face';
import { type Box, type Frame, planeGeometry, wrapFrame } from '@understudy/frame';

import { anonymiseProcessor } from './anonymise-processor.js';
import type { FrameProcessor } from './steps.js';
import { maskPacks, type PackInputs, type RecipeInputs } from './pack-inputs.js';
import { restoreProcessor } from './restore-processor.js';
import { swapProcessor } from './swap-processor.js';
import { type CastTrack, castTracks } from './cast-tracks.js';
import type { AnalysedTrack } from './tracks.js';

/**
 * The steps of a recipe, in its order. What a step prepares it may measure on frames that the steps before it made.
 *
 * @param packs what steps with packs need; a recipe of built-in steps alone does without
 * @throws UnderstudyError what opening a pack says
 */
export async function recipeProcessors(inputs: RecipeInputs, packs?: PackInputs): Promise<FrameProcessor[]> {
  const steps: FrameProcessor[] = [];
  try {
    for (const processor of inputs.lease.recipe.processors) {
      steps.push(await processorOf(inputs, processor, packs, [...steps]));
    }
    return steps;
  } catch (thrown) {
    await releaseAll(steps);
    throw thrown;
  }
}

export async function releaseAll(steps: readonly FrameProcessor[]): Promise<void> {
  for (const step of steps) await step.release?.();
}

async function processorOf(
  inputs: RecipeInputs,
  processor: Processor,
  packs: PackInputs | undefined,
  before: readonly FrameProcessor[],
): Promise<FrameProcessor> {
  if (processor.type === 'replace') return replaceProcessor(inputs, processor, packs);
  if (processor.type === 'anonymise') return anonymiseProcessor(inputs, processor, packs);
  if (packs === undefined)
    throw new UnderstudyError('INTERNAL', `A ${processor.type} step was given nothing to run on.`);
  if (processor.type === 'swap') return swapProcessor(inputs, processor, packs);
  return restoreProcessor(inputs, processor, packs, before);
}

type Of<Type extends Processor['type']> = Extract<Processor, { type: Type }>;

/** More landmarks tell no more about the shape of a head. */
const LARGEST_SAMPLE = 200;

async function replaceProcessor(
  { lease, analysis, identities }: RecipeInputs,
  processor: Of<'replace'>,
  packs: PackInputs | undefined,
): Promise<FrameProcessor> {
  const settings = replaceSettings(processor.settings);
  const members: { member: CastTrack; prepared: PreparedReplaceTrack }[] = [];
  for (const one of lease.cast) {
    const identity = identities.get(one.cast);
    if (identity === undefined) continue;
    const person = prepareIdentity(identity.images, settings);
    for (const member of castTracks([one], analysis)) {
      members.push({ member, prepared: prepareReplaceTrack(person, sampleOf(member.track), settings) });
    }
  }
  const masks = await masksOf(processor, packs);
  return {
    name: 'replace',
    async apply(frame, frameNumber) {
      for (const { member, prepared } of members) {
        const shown = member.shownAt(frameNumber);
        const { strength: asked, ...here } = settingsAt(processor, frameNumber, member.cast);
        if (shown === undefined || asked === 0) continue;
        const { face, share } = shown;
        const strength = asked * share;
        const plate = strength < 1 ? wrapFrame(frame.spec, frame.bytes.slice()) : null;
        const seen = await masks?.seenIn(frame, face.landmarks);
        // Nothing that was prepared depends on how wide the edge is.
        const box = replaceFace(frame, { ...prepared, settings: replaceSettings(here) }, face.landmarks, seen);
        if (plate !== null) mixBack(frame, plate, box, strength);
      }
    },
    release: async () => masks?.release(),
  };
}

async function masksOf({ settings }: Of<'replace'>, packs: PackInputs | undefined): Promise<FaceMasks | undefined> {
  if (settings.occlusion === undefined && settings.regions === undefined) return undefined;
  if (packs === undefined) throw new UnderstudyError('INTERNAL', 'A replace step was given no packs to run on.');
  return openFaceMasks(await maskPacks(packs, settings), packs.session);
}

function sampleOf({ faces }: AnalysedTrack): readonly (readonly number[])[] {
  const every = Math.ceil(faces.length / LARGEST_SAMPLE);
  return faces.filter((_, index) => index % every === 0).map(({ landmarks }) => landmarks);
}

/** Leaves only this share of what was changed inside the box. */
function mixBack(frame: Frame, plate: Frame, box: Box, share: number): void {
  frame.planes.forEach((plane, index) => {
    const number = index as 0 | 1 | 2;
    const { scaleX, scaleY } = planeGeometry(frame, number);
    const before = plate.planes[number].samples;
    // A sample of a subsampled plane may lie just outside the box and still belong to it.
    const left = Math.max(0, Math.floor(box.x * scaleX) - 1);
    const right = Math.min(plane.width, Math.ceil((box.x + box.width) * scaleX) + 1);
    const top = Math.max(0, Math.floor(box.y * scaleY) - 1);
    const bottom = Math.min(plane.height, Math.ceil((box.y + box.height) * scaleY) + 1);
    for (let y = top; y < bottom; y++) {
      for (let at = y * plane.width + left; at < y * plane.width + right; at++) {
        plane.samples[at] = Math.round(before[at]! + share * (plane.samples[at]! - before[at]!));
      }
    }
  });
}
