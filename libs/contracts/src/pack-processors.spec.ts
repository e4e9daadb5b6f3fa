import { expect, test } from 'vitest';

import { operationOfPackProcessor, PackProcessor, SwapProcessor, swapNetworksOf } from './pack-processors.js';
import { packsOf, withPacks } from './recipe-packs.js';
import { Recipe } from './recipe.js';

test('a swap and a restoration have defaults for all but their packs', () => {
  expect(PackProcessor.parse({ type: 'swap', settings: { swapper: { id: 'ghost_1_256' } } }).settings).toEqual({
    swapper: { id: 'ghost_1_256' },
    strength: 1,
    morph: 1,
    feather: 0.12,
    shape: 'hull',
    colour: 'match',
    blend: 'poisson',
  });
  const restore = PackProcessor.parse({ type: 'restore', settings: { restorer: { id: 'gfpgan_1.4', version: '2' } } });
  expect(restore.settings).toMatchObject({ strength: 0.8, weight: 0.5, restorer: { id: 'gfpgan_1.4', version: '2' } });
  expect(restore.settings).toMatchObject({ maxDrift: 0.1, shape: 'hull', blend: 'poisson' });
  const filters = PackProcessor.parse({ type: 'restore' });
  expect(filters.settings).toMatchObject({ restorer: { id: 'classical' }, sharpness: 1.2 });
});

const FRAMES = { startFrame: 0, endFrame: 5 };

test.each([
  { type: 'swap', settings: {} },
  { type: 'swap', settings: { swapper: { id: '../secret' } } },
  { type: 'swap', settings: { swapper: { id: 'a' }, strength: 2 } },
  {
    type: 'swap',
    settings: { swapper: { id: 'a' } },
    overrides: [{ frames: FRAMES, settings: { swapper: { id: 'b' } } }],
  },
  {
    type: 'swap',
    settings: { swapper: { id: 'a' } },
    overrides: [{ cast: [0], frames: FRAMES, settings: { recogniser: { id: 'b' } } }],
  },
  { type: 'swap', settings: { swapper: { id: 'a' }, colour: 'own' } },
  { type: 'restore', settings: { blend: 'soft' } },
  { type: 'restore', settings: { restorer: { id: 'a', version: '../b' } } },
  { type: 'restore', settings: { restorer: { id: 'a' }, maxDrift: -1 } },
])('%j is refused', (processor) => {
  expect(PackProcessor.safeParse(processor).success).toBe(false);
});

test('every step that writes faces may name masks, and they are pinned', () => {
  const settings = { occlusion: { id: 'xseg' }, regions: { id: 'bisenet' } };
  const recipe = Recipe.parse({
    processors: [
      { type: 'replace', settings },
      { type: 'swap', settings: { ...settings, swapper: { id: 'ghost_1_256' } } },
      { type: 'restore', settings },
    ],
  });
  const masks = [
    { reference: { id: 'xseg' }, role: 'mask', family: 'occlusion-mask' },
    { reference: { id: 'bisenet' }, role: 'mask', family: 'region-mask' },
  ];
  const swapper = { reference: { id: 'ghost_1_256' }, role: 'swapper' };
  expect(packsOf(recipe)).toEqual([...masks, swapper, ...masks, ...masks]);
  const pinned = withPacks(recipe, ({ reference }) => ({ ...reference, version: '7' }));
  expect(packsOf(pinned).map(({ reference }) => reference.version)).toEqual(Array(7).fill('7'));
  expect(pinned.processors[0]).toMatchObject({ settings: { occlusion: { id: 'xseg', version: '7' }, strength: 1 } });
  expect(packsOf(Recipe.parse({ processors: [{ type: 'replace' }, { type: 'restore' }] }))).toEqual([]);
});

test('a swap needs consent to replace, a restoration consent to restore', () => {
  const operations = [
    { type: 'swap', settings: { swapper: { id: 'a' } } },
    { type: 'restore', settings: { restorer: { id: 'a' } } },
  ].map((processor) => operationOfPackProcessor(PackProcessor.parse(processor)));
  expect(operations).toEqual(['replace', 'restore']);
});

test("each member's networks are the last that are named for it", () => {
  const swap = SwapProcessor.parse({
    type: 'swap',
    settings: { swapper: { id: 'ghost' }, recogniser: { id: 'arcface' } },
    overrides: [
      { cast: [1, 2], settings: { swapper: { id: 'ada' }, strength: 0.5 } },
      { cast: [2], settings: { swapper: { id: 'ben', version: '2' } } },
      { cast: [2], settings: { recogniser: { id: 'other' } } },
    ],
  });
  const of = (cast: number) => swapNetworksOf(swap, cast);
  expect(of(0)).toEqual({ swapper: { id: 'ghost' }, recogniser: { id: 'arcface' } });
  expect(of(1)).toEqual({ swapper: { id: 'ada' }, recogniser: { id: 'arcface' } });
  expect(of(2)).toEqual({ swapper: { id: 'ben', version: '2' }, recogniser: { id: 'other' } });
});
