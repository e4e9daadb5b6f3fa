import { expect, it } from 'vitest';

import { readRecipe } from './recipe-options.js';

it('puts packs with their versions where the preset has room for them', async () => {
  const { processors } = await readRecipe({
    recipe: 'replace+restore',
    swapper: 'ghost_1_256@2',
    recogniser: 'arcface_w600k_r50',
    occlusion: 'xseg',
    maxDrift: 0.05,
  });
  expect(processors).toMatchObject([
    {
      type: 'swap',
      settings: {
        swapper: { id: 'ghost_1_256', version: '2' },
        recogniser: { id: 'arcface_w600k_r50' },
        occlusion: { id: 'xseg' },
      },
    },
    { type: 'restore', settings: { restorer: { id: 'classical' }, maxDrift: 0.05, occlusion: { id: 'xseg' } } },
  ]);
});

it.each([
  [{ recipe: 'anonymise', swapper: 'a' }, /--swapper has nothing to do/],
  [{ recipe: 'replace', restorer: 'a' }, /--restorer has nothing to do/],
  [{ recipe: 'replace', recogniser: 'a' }, /--recogniser/],
  [{ recipe: 'restore', maxDrift: 9 }, /maxDrift/],
  [{ recipe: 'restore', restorer: '../x' }, /restorer/],
] as const)('refuses %j', async (options, message) => {
  await expect(readRecipe(options)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(message) as string,
  });
});
