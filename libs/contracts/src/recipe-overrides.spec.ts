import { expect, test } from 'vitest';

import { AnonymiseProcessor, Recipe, ReplaceProcessor } from './recipe.js';
import { settingsAt } from './recipe-overrides.js';

const frames = { startFrame: 10, endFrame: 20 };

test('a later override wins over an earlier one, member by member and frame by frame', () => {
  const processor = ReplaceProcessor.parse({
    type: 'replace',
    overrides: [
      { cast: [1], settings: { strength: 0.5 } },
      { frames, settings: { strength: 0.2, feather: 0.3 } },
      { cast: [0, 2], frames: { startFrame: 19, endFrame: 30 }, settings: { strength: 0 } },
    ],
  });
  const at = (frameNumber: number, cast: number) => Object.values(settingsAt(processor, frameNumber, cast));
  expect([at(9, 0), at(9, 1), at(10, 0), at(19, 1)]).toEqual([
    [1, 0.05],
    [0.5, 0.05],
    [0.2, 0.3],
    [0.2, 0.3],
  ]);
  expect([at(19, 0), at(20, 2), at(30, 0)]).toEqual([
    [0, 0.3],
    [0, 0.05],
    [1, 0.05],
  ]);
});

test('a processor without overrides has its settings everywhere, the very same', () => {
  const processor = AnonymiseProcessor.parse({ type: 'anonymise' });
  expect(settingsAt(processor, 7)).toBe(processor.settings);
  expect(Object.keys(processor)).not.toContain('overrides');
});

test.each([
  ['nowhere', { settings: { strength: 0.5 } }],
  ['nothing', { cast: [0], settings: {} }],
  ['an unknown setting', { cast: [0], settings: { style: 'blur' } }],
  ['out of range', { cast: [0], settings: { strength: 2 } }],
  ['no frames', { frames: { startFrame: 5, endFrame: 5 }, settings: { strength: 0.5 } }],
  ['nobody', { cast: [], settings: { strength: 0.5 } }],
])('an override that says %s is refused', (_, override) => {
  expect(Recipe.safeParse({ processors: [{ type: 'replace', overrides: [override] }] }).success).toBe(false);
});

test('who is outside the cast has no number', () => {
  const overrides = [{ cast: [0], frames, settings: { style: 'solid' } }];
  expect(Recipe.safeParse({ processors: [{ type: 'anonymise', overrides }] }).success).toBe(false);
});
