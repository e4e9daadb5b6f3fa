import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type AnalysisTable, type PackReference, Recipe } from '@understudy/contracts';
import { allocateFrame, cropRgb, type Frame } from '@understudy/frame';
import { addPack, catalogueRow, encodeModel, packDigest } from '@understudy/inference';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { painter } from '../../../../test/e2e/painter.js';
import { faceLandmarks } from '../../test/clip.js';
import type { PackInputs } from './pack-inputs.js';
import { recipeProcessors, releaseAll } from './processors.js';

const BOXES = [
  { x: 60, y: 80, width: 120, height: 150 },
  { x: 400, y: 80, width: 120, height: 150 },
];
/** Blue, green, red of 0..1, as these files have them. */
const COLOURS = { ada: [0.9, 0.4, 0.2], ben: [0.3, 0.7, 0.6] } as const;

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'understudy-swaps-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** A performer's model that paints faces its colour, as a plan pins it. */
async function pinned(id: keyof typeof COLOURS): Promise<PackReference> {
  const path = join(dataDir, `${id}.dfm`);
  await writeFile(path, encodeModel(painter([...COLOURS[id]])));
  const { manifest } = await addPack(dataDir, path, { ...catalogueRow('dfm'), id }, { version: '1' });
  return { id, version: manifest.version, sha256: packDigest(manifest) };
}

function grey(): Frame {
  const frame = allocateFrame({ width: 640, height: 360, format: 'gbrp', matrix: 'gbr', range: 'pc' });
  frame.bytes.fill(128);
  return frame;
}

test('two actors with a model each are done in one pass, each by their own', async () => {
  const recipe = Recipe.parse({
    processors: [
      {
        type: 'swap',
        settings: { swapper: await pinned('ada'), colour: 'none', blend: 'alpha' },
        overrides: [{ cast: [1], settings: { swapper: await pinned('ben') } }],
      },
    ],
  });
  const analysis: AnalysisTable = {
    format: 'understudy-analysis/1',
    frameCount: 1,
    width: 640,
    height: 360,
    tracks: BOXES.map((box, track) => ({
      track,
      startFrame: 0,
      endFrame: 1,
      uncertainFrames: [],
      faces: [{ frame: 0, landmarks: faceLandmarks(box), box, filled: false, confidence: 1 }],
    })),
  };
  const identity = { images: [], portraits: [], embedding: new Float32Array(512) };
  const steps = await recipeProcessors(
    {
      lease: {
        recipe,
        cast: [0, 1].map((cast) => ({ cast, tracks: [cast], identityImages: [] })),
        anonymiseTracks: [],
      },
      analysis,
      identities: new Map([0, 1].map((cast) => [cast, identity])),
    },
    { dataDir, session: {} } as PackInputs,
  );
  const frame = grey();
  for (const step of steps) await step.apply(frame, 0);
  await releaseAll(steps);
  BOXES.forEach((box, member) => {
    const middle = { x: box.x + box.width / 2 - 4, y: box.y + 0.6 * box.height, width: 8, height: 8 };
    const [red, green, blue] = cropRgb(frame, middle, 1, 1, 'interleaved');
    const wanted = Object.values(COLOURS)[member]!.map((part) => 255 * part);
    [blue, green, red].forEach((value, channel) => expect(Math.abs(value! - wanted[channel]!)).toBeLessThan(3));
  });
});
