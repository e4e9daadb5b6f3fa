import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readRecipe, type RecipeOptions, withRecipeOptions } from './recipe-options.js';

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

it('takes masks for every recipe that changes faces of the cast', async () => {
  const { processors } = await readRecipe({ recipe: 'replace+restore', occlusion: 'xseg', regions: 'bisenet@3' });
  const masks = { occlusion: { id: 'xseg' }, regions: { id: 'bisenet', version: '3' } };
  expect(processors).toMatchObject([
    { type: 'replace', settings: masks },
    { type: 'restore', settings: { ...masks, restorer: { id: 'classical' } } },
  ]);
});

it.each([
  [{ recipe: 'replace', style: 'solid' }, /--style has nothing to do in the recipe replace/],
  [{ recipe: 'restore', style: 'blur' }, /--style has nothing to do/],
  [{ style: 'solid' }, /--style has nothing to do in the recipe replace/],
  [{ recipe: 'anonymise', occlusion: 'a' }, /--occlusion has nothing to do/],
  [{ recipe: 'anonymise', regions: 'a' }, /--regions has nothing to do/],
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

describe('a recipe of a file', () => {
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'understudy-recipes-'));
    file = join(folder, 'recipe.json');
    writeFileSync(file, JSON.stringify({ processors: [{ type: 'restore', settings: { maxDrift: 0.02 } }] }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** As the command line gives them. */
  const typed = (...args: string[]) =>
    withRecipeOptions(new Command())
      .parse(['--recipe-file', file, ...args], { from: 'user' })
      .opts<RecipeOptions>();

  it('is all there is', async () => {
    const { processors } = await readRecipe(typed());
    expect(processors).toMatchObject([{ type: 'restore', settings: { maxDrift: 0.02 } }]);
  });

  it.each([
    ['--recipe', 'replace'],
    ['--style', 'solid'],
    ['--swapper', 'a'],
    ['--recogniser', 'a'],
    ['--regions', 'a'],
    ['--occlusion', 'a'],
    ['--restorer', 'a'],
    ['--max-drift', '0.1'],
  ])('is refused beside %s, which it would drop', async (option, value) => {
    await expect(readRecipe(typed(option, value))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(`so ${option} would be without effect`) as string,
    });
  });
});

it('is replace where none is named', async () => {
  const options = withRecipeOptions(new Command()).parse([], { from: 'user' }).opts<RecipeOptions>();
  expect((await readRecipe(options)).processors.map(({ type }) => type)).toEqual(['replace']);
});
