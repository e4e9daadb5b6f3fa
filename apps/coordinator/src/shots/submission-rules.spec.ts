import { Recipe } from '@understudy/contracts';
import { expect, test } from 'vitest';

import { requireFrames, requireMembers } from './submission-rules.js';

const recipe = Recipe.parse({
  processors: [
    {
      type: 'replace',
      overrides: [{ cast: [1], frames: { startFrame: 90, endFrame: 100 }, settings: { strength: 0 } }],
    },
    { type: 'restore' },
  ],
});

test('an override is for members that the cast has', () => {
  expect(() => requireMembers(recipe, 2)).not.toThrow();
  expect(() => requireMembers(recipe, 1)).toThrow('An override of replace is for member 1');
});

test('an override is for frames that the plate has, where that is known', () => {
  expect(() => requireFrames(recipe, 100)).not.toThrow();
  expect(() => requireFrames(recipe, null)).not.toThrow();
  expect(() => requireFrames(recipe, 99)).toThrow('frames 90-100, and the plate has 99');
});
