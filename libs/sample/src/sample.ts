import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FIRST, SECOND, THIRD } from './cast.js';
import { drawClip } from './clip.js';
import type { Person } from './person.js';
import type { SceneOptions } from './scene.js';
import { drawPortrait, pngOf, type Sitting } from './still.js';
import { SAMPLE_VERSION } from './version.js';

export interface DrawSampleOptions {
  /** Folder to write into; made when missing. */
  readonly outDir: string;
  readonly signal?: AbortSignal;
  /** `done` runs from 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

/** Paths of the drawn sample. */
export interface Sample {
  readonly version: string;
  /** 10 s, 1280x720, 24 frames/s, two performers talking, with sound. */
  readonly plate: string;
  /** Portraits of the third person, who is not in the plate. */
  readonly identities: readonly string[];
  /** Portraits of the plate's two performers. */
  readonly plateReferences: { readonly first: readonly string[]; readonly second: readonly string[] };
  /** JSON of `{ version, performers, clip: ClipTruth }`; written last, so its presence means the sample is whole. */
  readonly truth: string;
}

/** The plate: the first performer on the left, the second on the right, never touching. */
export const SAMPLE_PLATE: SceneOptions = {
  width: 1280,
  height: 720,
  framesPerSecond: 24,
  frames: 240,
  cast: [
    { person: FIRST, x: 400, y: 300, unitPx: 80, performanceSeed: 3, pitchHz: 205, facing: 3 },
    { person: SECOND, x: 880, y: 290, unitPx: 82, performanceSeed: 8, pitchHz: 108, facing: -3 },
  ],
};

/** Slightly different poses and lights, as an enrolment asks for. */
export const SAMPLE_SITTINGS: readonly Sitting[] = [
  { expression: { smile: 0.15 } },
  { pose: { yaw: -10, pitch: 2, roll: -2 }, light: { fromX: 0.35 }, expression: { smile: 0.3 } },
  { pose: { yaw: 11, pitch: -3, roll: 2 }, light: { key: 0.5, fill: 0.6 }, expression: { smile: 0, gazeX: -0.3 } },
];

/** Draws the whole sample; the same code draws the same sample. */
export async function drawSample(options: DrawSampleOptions): Promise<Sample> {
  const { outDir, signal, onProgress } = options;
  await mkdir(outDir, { recursive: true });
  const plate = join(outDir, 'plate.mp4');
  const identities = await portraits(THIRD, outDir, 'identity', signal);
  const first = await portraits(FIRST, outDir, 'first', signal);
  const second = await portraits(SECOND, outDir, 'second', signal);
  const clip = await drawClip({
    ...SAMPLE_PLATE,
    out: plate,
    ...(signal ? { signal } : {}),
    onProgress: (drawn, frames) => onProgress?.(drawn / frames),
  });
  const truth = join(outDir, 'truth.json');
  const performers = { first: FIRST.name, second: SECOND.name, identity: THIRD.name };
  await writeFile(truth, JSON.stringify({ version: SAMPLE_VERSION, performers, clip }));
  return { version: SAMPLE_VERSION, plate, identities, plateReferences: { first, second }, truth };
}

async function portraits(person: Person, outDir: string, stem: string, signal?: AbortSignal): Promise<string[]> {
  const paths: string[] = [];
  for (const [index, sitting] of SAMPLE_SITTINGS.entries()) {
    signal?.throwIfAborted();
    const path = join(outDir, `${stem}-${index + 1}.png`);
    const { picture } = await drawPortrait(person, sitting);
    await writeFile(path, await pngOf(picture));
    paths.push(path);
  }
  return paths;
}
