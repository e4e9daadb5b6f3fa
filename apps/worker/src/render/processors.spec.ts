import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type AnalysisTable, Recipe, recipePreset } from '@understudy/contracts';
import { DEFAULT_REPLACE_SETTINGS, prepareIdentity, prepareReplaceTrack, replaceFace } from '@understudy/face';
import { allocateFrame, type Frame, type FrameSpec, wrapFrame } from '@understudy/frame';
import { type OnnxModel, packDigest } from '@understudy/inference';
import { describe, expect, test } from 'vitest';

import { addGenerated } from '../../../../libs/face/test/graphs.js';
import { faceRightOf, seenLeftOf } from '../../../../libs/face/test/mask-graphs.js';

import { faceLandmarks } from '../../test/clip.js';
import type { PackInputs } from './pack-inputs.js';
import { recipeProcessors, releaseAll } from './processors.js';

const FRAMES = 10;
const SPEC: FrameSpec = { width: 320, height: 200, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
const BOXES = [
  { x: 30, y: 50, width: 80, height: 100 },
  { x: 200, y: 50, width: 80, height: 100 },
];

/** Numbers that look like chance, the same ones each time. */
function noise(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

function plate(): Frame {
  const frame = allocateFrame(SPEC);
  const next = noise(5);
  for (let i = 0; i < frame.bytes.length; i++) frame.bytes[i] = 90 + Math.round(60 * next());
  return frame;
}

const ANALYSIS: AnalysisTable = {
  format: 'understudy-analysis/1',
  frameCount: FRAMES,
  width: SPEC.width,
  height: SPEC.height,
  tracks: BOXES.map((box, track) => ({
    track,
    startFrame: 0,
    endFrame: FRAMES,
    uncertainFrames: [],
    faces: Array.from({ length: FRAMES }, (_, frame) => {
      return { frame, landmarks: faceLandmarks(box), box, filled: false, confidence: 1 };
    }),
  })),
};

function identityOf(seed: number) {
  const [width, height] = [160, 200];
  const next = noise(seed);
  const rgb = Uint8ClampedArray.from({ length: 3 * width * height }, () => 60 + 150 * next());
  const image = { rgb, width, height, landmarks: faceLandmarks({ x: 30, y: 40, width: 100, height: 125 }) };
  return { images: [image], portraits: [], embedding: new Float32Array(512) };
}

/** Largest difference of the luma from the plate within each box, by the recipe in that frame. */
async function changes(
  recipe: unknown,
  frameNumber: number,
  { analysis = ANALYSIS, packs }: { analysis?: AnalysisTable; packs?: PackInputs } = {},
): Promise<number[]> {
  const parsed = Recipe.parse(recipe);
  const cast = [0, 1].map(
    (member) => ({ cast: member, tracks: [member], identityImages: [], embedding: null }) as never,
  );
  const inputs = {
    lease: { recipe: parsed, cast, anonymiseTracks: [0, 1] },
    analysis,
    identities: new Map([0, 1].map((member) => [member, identityOf(member + 1)])),
  };
  const steps = await recipeProcessors(inputs, packs);
  const before = plate();
  const after = wrapFrame(SPEC, before.bytes.slice());
  for (const step of steps) await step.apply(after, frameNumber);
  await releaseAll(steps);
  return BOXES.map((box) => {
    let largest = 0;
    for (let y = box.y; y < box.y + box.height; y++) {
      for (let at = y * SPEC.width + box.x; at < y * SPEC.width + box.x + box.width; at++) {
        largest = Math.max(largest, Math.abs(before.planes[0].samples[at]! - after.planes[0].samples[at]!));
      }
    }
    return largest;
  });
}

describe('settings for some members and frames', () => {
  const frames = { startFrame: 4, endFrame: 6 };

  test('a member is left as filmed in some frames, and only there', async () => {
    const recipe = { processors: [{ type: 'replace', overrides: [{ cast: [1], frames, settings: { strength: 0 } }] }] };
    for (const frameNumber of [3, 6]) expect(Math.min(...(await changes(recipe, frameNumber)))).toBeGreaterThan(10);
    for (const frameNumber of [4, 5]) {
      const [first, second] = await changes(recipe, frameNumber);
      expect(first).toBeGreaterThan(10);
      expect(second).toBe(0);
    }
  });

  test('half the strength is half the change, for one member all along', async () => {
    const whole = await changes({ processors: [{ type: 'replace' }] }, 0);
    const half = await changes(
      { processors: [{ type: 'replace', overrides: [{ cast: [0], settings: { strength: 0.5 } }] }] },
      0,
    );
    expect(half[0]! / whole[0]!).toBeCloseTo(0.5, 1);
    expect(half[1]).toBe(whole[1]);
  });

  test('a wider edge is drawn from the first frame that has it', async () => {
    const recipe = { processors: [{ type: 'replace', overrides: [{ frames, settings: { feather: 0.5 } }] }] };
    const [narrow, wide] = [await changes(recipe, 3), await changes(recipe, 4)];
    expect(wide).not.toEqual(narrow);
    expect(await changes(recipe, 6)).toEqual(narrow);
  });

  test('people are covered by another style in some frames, and always covered', async () => {
    const recipe = { processors: [{ type: 'anonymise', overrides: [{ frames, settings: { style: 'solid' } }] }] };
    const [blurred, solid] = [await changes(recipe, 3), await changes(recipe, 4)];
    expect(Math.min(...blurred, ...solid)).toBeGreaterThan(10);
    expect(solid).not.toEqual(blurred);
    expect(await changes(recipe, 6)).toEqual(blurred);
  });
});

test('the recipe as it stands renders what benches and the quality tests measure', async () => {
  const { images } = identityOf(1);
  const [step] = await recipeProcessors({
    lease: {
      recipe: recipePreset('replace'),
      cast: [{ cast: 0, tracks: [0], identityImages: [] }],
      anonymiseTracks: [],
    },
    analysis: ANALYSIS,
    identities: new Map([[0, identityOf(1)]]),
  });
  const [rendered, measured] = [plate(), plate()];
  await step!.apply(rendered, 0);
  const points = ANALYSIS.tracks[0]!.faces.map(({ landmarks }) => landmarks);
  const settings = DEFAULT_REPLACE_SETTINGS;
  replaceFace(measured, prepareReplaceTrack(prepareIdentity(images, settings), points, settings), points[0]!);
  expect(Buffer.compare(rendered.bytes, measured.bytes)).toBe(0);
  expect(Buffer.compare(rendered.bytes, plate().bytes)).not.toBe(0);
});

describe('a face that was not detected in some frames', () => {
  /** The first member is missed in frames 4 and 5, with a third person's face at this place all along. */
  const missed = (third: { x: number; y: number }): AnalysisTable => {
    const faces = ANALYSIS.tracks[0]!.faces.map((face) => ({ ...face, filled: face.frame === 4 || face.frame === 5 }));
    const box = { ...third, width: 80, height: 100 };
    const others = faces.map((face) => ({ ...face, filled: false, box, landmarks: faceLandmarks(box) }));
    const [first, second] = ANALYSIS.tracks;
    return { ...ANALYSIS, tracks: [{ ...first!, faces }, second!, { ...first!, track: 2, faces: others }] };
  };
  const replace = { processors: [{ type: 'replace' }] };

  test('is replaced where nobody is in front of it', async () => {
    const analysis = missed({ x: 30, y: 180 });
    for (const frame of [4, 5]) expect((await changes(replace, frame, { analysis }))[0]).toBeGreaterThan(10);
  });

  test('is left as filmed where somebody is in front of it, and anonymised all the same', async () => {
    const analysis = missed({ x: 110, y: 50 });
    for (const frame of [4, 5]) {
      const [hidden, other] = await changes(replace, frame, { analysis });
      expect(hidden).toBe(0);
      expect(other).toBeGreaterThan(10);
      expect((await changes({ processors: [{ type: 'anonymise' }] }, frame, { analysis }))[0]).toBeGreaterThan(10);
    }
    const [whole] = await changes(replace, 6);
    for (const [frame, share] of [
      [6, 0.25],
      [7, 0.5],
      [8, 0.75],
      [9, 1],
    ] as const) {
      expect((await changes(replace, frame, { analysis }))[0]! / whole!, `frame ${frame}`).toBeCloseTo(share, 1);
    }
  });
});

describe('what covers a face', () => {
  test.each([
    ['occlusion', 'xseg'],
    ['regions', 'bisenet'],
  ] as const)('the built-in replacement stays behind it, by a pack of %s', async (slot, row) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'understudy-masks-'));
    try {
      // The plate's red is between 0 and 255: one graph sees the whole face, the other nothing of it.
      const [all, none] =
        slot === 'occlusion' ? [seenLeftOf(1e4), seenLeftOf(-1e4)] : [faceRightOf(-1e4), faceRightOf(1e4)];
      const packs = { dataDir, session: {} } as PackInputs;
      const withMask = async (model: OnnxModel) => {
        const { manifest } = await addGenerated(dataDir, row, model);
        const pinned = { id: manifest.id, version: manifest.version, sha256: packDigest(manifest) };
        return changes({ processors: [{ type: 'replace', settings: { [slot]: pinned } }] }, 0, { packs });
      };
      expect(await withMask(none)).toEqual([0, 0]);
      expect(await withMask(all)).toEqual(await changes({ processors: [{ type: 'replace' }] }, 0));
      const unpinned = { processors: [{ type: 'replace', settings: { [slot]: { id: row } } }] };
      await expect(changes(unpinned, 0, { packs })).rejects.toThrow(/pinned no version/);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
