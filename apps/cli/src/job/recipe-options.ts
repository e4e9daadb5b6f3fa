import {
  ANONYMISE_STYLES,
  type AnonymiseStyle,
  type PackReference,
  Recipe,
  RECIPE_PRESETS,
  type RecipePreset,
  recipePreset,
  UnderstudyError,
} from '@understudy/contracts';
import { type Command, Option } from 'commander';
import { readFile } from 'node:fs/promises';

/** What is done to the faces, as the command line takes it. */
export interface RecipeOptions {
  recipe?: RecipePreset;
  style?: AnonymiseStyle;
  swapper?: string;
  recogniser?: string;
  occlusion?: string;
  regions?: string;
  restorer?: string;
  maxDrift?: number;
  recipeFile?: string;
}

const DEFAULT_RECIPE: RecipePreset = 'replace';

export function withRecipeOptions(command: Command): Command {
  return command
    .addOption(new Option('--recipe <name>', 'what to do').choices(RECIPE_PRESETS).default(undefined, 'replace'))
    .addOption(new Option('--style <name>', 'how to de-identify').choices(ANONYMISE_STYLES))
    .option('--swapper <pack[@version]>', "replace by this pack's network instead of the built-in replacement")
    .option('--recogniser <pack[@version]>', 'the recogniser that the swapper was trained with')
    .option('--occlusion <pack[@version]>', 'a network that says what covers the faces: hands stay before them')
    .option('--regions <pack[@version]>', 'a network that says what of a face is skin, eyes, nose and mouth')
    .option('--restorer <pack[@version]>', 'restore by this pack instead of the built-in filters (classical)')
    .option('--max-drift <number>', 'how far restoring may move the identity (1 less the cosine)', Number)
    .option('--recipe-file <json>', 'a whole recipe with every setting, instead of the options above');
}

/** @throws UnderstudyError USAGE naming what does not fit */
export async function readRecipe(options: RecipeOptions): Promise<Recipe> {
  if (options.recipeFile !== undefined) {
    requireAlone(options);
    return parsed(await readFile(options.recipeFile, 'utf8'), options.recipeFile);
  }
  const preset = recipePreset(options.recipe ?? DEFAULT_RECIPE);
  const masks = { ...optionalPack('occlusion', options.occlusion), ...optionalPack('regions', options.regions) };
  const processors = preset.processors.map(({ type }) => {
    if (type === 'anonymise') return { type, settings: options.style === undefined ? {} : { style: options.style } };
    if (type === 'restore') {
      const settings = { ...optionalPack('restorer', options.restorer), ...masks };
      return {
        type,
        settings: options.maxDrift === undefined ? settings : { ...settings, maxDrift: options.maxDrift },
      };
    }
    if (options.swapper === undefined) return { type, settings: masks };
    const settings = { ...optionalPack('swapper', options.swapper), ...optionalPack('recogniser', options.recogniser) };
    return { type: 'swap', settings: { ...settings, ...masks } };
  });
  requireUsed(options, new Set(processors.map(({ type }) => type)));
  return parsed(JSON.stringify({ processors }), '--recipe');
}

/** A pack as it is named on the command line: `id` or `id@version`. */
export function optionalPack<Key extends string>(key: Key, text: string | undefined): { [K in Key]?: PackReference } {
  if (text === undefined) return {};
  const [id = '', version] = text.split('@', 2);
  return { [key]: version === undefined ? { id } : { id, version } } as { [K in Key]?: PackReference };
}

/** Of the options of {@link withRecipeOptions}, those that a whole recipe leaves nothing to say for. */
const IN_PRESETS = {
  recipe: '--recipe',
  style: '--style',
  swapper: '--swapper',
  recogniser: '--recogniser',
  occlusion: '--occlusion',
  regions: '--regions',
  restorer: '--restorer',
  maxDrift: '--max-drift',
} as const satisfies Partial<Record<keyof RecipeOptions, string>>;

function requireAlone(options: RecipeOptions): void {
  const names = Object.keys(IN_PRESETS) as (keyof typeof IN_PRESETS)[];
  const beside = names.filter((name) => options[name] !== undefined).map((name) => IN_PRESETS[name]);
  if (beside.length === 0) return;
  throw new UnderstudyError(
    'USAGE',
    `--recipe-file holds the whole recipe, so ${beside.join(', ')} would be without effect: write it into the file, or leave the file out`,
  );
}

function requireUsed(options: RecipeOptions, types: ReadonlySet<string>): void {
  const unused = [
    options.style !== undefined && !types.has('anonymise') && '--style',
    options.swapper !== undefined && !types.has('swap') && '--swapper',
    options.recogniser !== undefined && !types.has('swap') && '--recogniser',
    options.restorer !== undefined && !types.has('restore') && '--restorer',
    options.maxDrift !== undefined && !types.has('restore') && '--max-drift',
    options.occlusion !== undefined && types.has('anonymise') && '--occlusion',
    options.regions !== undefined && types.has('anonymise') && '--regions',
  ].find((one) => one !== false);
  if (unused === undefined) return;
  throw new UnderstudyError(
    'USAGE',
    `${unused} has nothing to do in the recipe ${options.recipe ?? DEFAULT_RECIPE}: name another recipe`,
  );
}

function parsed(text: string, from: string): Recipe {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnderstudyError('USAGE', `${from} is no JSON`, { cause });
  }
  const recipe = Recipe.safeParse(value);
  if (recipe.success) return recipe.data;
  const [issue] = recipe.error.issues;
  throw new UnderstudyError(
    'USAGE',
    `${from}: ${issue?.path.join('.') ?? 'recipe'}: ${issue?.message ?? 'is not usable'}`,
  );
}
