import { basename, extname } from 'node:path';
import { AnalysisPacks, castOperations, Encoding, UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { readConsentDocument } from '../consent/document.js';
import type { Container } from '../output/target.js';
import { wholeNumber } from '../terminal/whole-number.js';
import type { CastParties, CastRequest } from './casting.js';
import { optionalPack, readRecipe, type RecipeOptions, withRecipeOptions } from './recipe-options.js';
import { readMatte } from './matte.js';
import type { ShotJob } from './shot-job.js';
import { type LocalFile, readMediaFile } from './upload.js';

/** What a shot is, as the command line takes it. */
export interface JobOptions extends RecipeOptions {
  target: string;
  matte?: string;
  identity: string[];
  plateFace?: string;
  detector?: string;
  landmarks?: string;
  cast: string[];
  consent: string[];
  keepFace: string[];
  basis?: string;
  acceptUncertain?: string;
  project?: string;
  shot?: string;
  shardFrames?: number;
  lossless?: boolean;
}

export function withJobOptions(command: Command): Command {
  const collect = (value: string, before: string[]): string[] => [...before, value];
  return withRecipeOptions(command)
    .requiredOption('--target <clip>', 'the plate: a clip, or a PNG or JPEG image')
    .option(
      '--matte <clip>',
      'a grey clip of the same frames, or a folder of PNG pictures: the plate stays where it is black',
    )
    .option(
      '--identity <image>',
      'a portrait of the person whose face is to appear; repeat for more pictures of them',
      collect,
      [],
    )
    .option('--plate-face <image>', 'which face of the plate is meant, where there are several')
    .option(
      '--cast <plate=identity>',
      'one of several replacements: PLATE_IMAGE=IDENTITY_IMAGE; repeatable',
      collect,
      [],
    )
    .option('--detector <pack[@version]>', "find the plate's faces by this pack instead of the built-in detector")
    .option('--landmarks <pack[@version]>', 'find the 68 points of a face by this pack instead of the built-in network')
    .option('--consent <file>', 'a consent document (understudy consent new); repeatable', collect, [])
    .option('--keep-face <image>', 'a face that de-identification leaves alone; repeatable', collect, [])
    .option('--basis <text>', 'on what ground people are de-identified; required by --recipe anonymise')
    .option('--accept-uncertain <reason>', 'go on, for this reason, where the faces of some frames are uncertain')
    .option('--project <name>', "the project; by default the consents'")
    .option('--shot <name>', "the shot's name; by default the target's file name")
    .option('--shard-frames <n>', 'frames in one shard', wholeNumber)
    .option('--lossless', 'keep every sample outside the faces bit for bit');
}

/**
 * Everything that can be found wrong with the request before anything is started.
 *
 * @param parties whom a farm's own consents name; without it the documents given with `--consent` say who is who.
 */
export async function readJob(options: JobOptions, container: Container, parties?: CastParties): Promise<ShotJob> {
  const plate = await readMediaFile(options.target);
  const consents = await Promise.all(options.consent.map((path) => readConsentDocument(path)));
  const recipe = await readRecipe(options);
  const touchesCast = castOperations(recipe).length > 0;
  const casts = touchesCast ? await readCasts(options) : [];
  if (touchesCast && consents.length === 0 && parties === undefined) {
    throw new UnderstudyError(
      'CONSENT_REQUIRED',
      'no face is replaced or restored without recorded consent; make one with: understudy consent new, and give it with --consent',
    );
  }
  if (recipe.processors.some(({ type }) => type === 'anonymise') && options.basis === undefined) {
    throw new UnderstudyError(
      'BASIS_REQUIRED',
      'say on what ground people are de-identified with --basis TEXT; it is kept in the audit log',
    );
  }
  const matte = options.matte === undefined ? undefined : await readMatte(options.matte, plate.path, recipe);
  return {
    project: options.project ?? consents[0]?.statement.scope.project ?? 'local',
    name: options.shot ?? basename(options.target, extname(options.target)),
    plate,
    matte,
    recipe,
    analysis: analysisOf(options),
    casts,
    parties,
    keepFaces: await Promise.all(options.keepFace.map((path) => readMediaFile(path))),
    consents,
    basis: options.basis,
    encoding: Encoding.parse({ mode: options.lossless === true ? 'lossless' : 'delivery' }),
    container,
    shardFrames: options.shardFrames,
    leastShards: options.shardFrames === undefined ? 2 : 1,
    acceptUncertain: options.acceptUncertain,
  };
}

/** @throws UnderstudyError USAGE */
function analysisOf({ detector, landmarks }: JobOptions): AnalysisPacks {
  const named = { ...optionalPack('detector', detector), ...optionalPack('landmarks', landmarks) };
  const parsed = AnalysisPacks.safeParse(named);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError(
    'USAGE',
    `--${parsed.error.issues[0]?.path[0] as string} names no pack: give ID or ID@VERSION`,
  );
}

async function readCasts(options: JobOptions): Promise<CastRequest[]> {
  const single = options.identity.length > 0;
  if (single && options.cast.length > 0) {
    throw new UnderstudyError('USAGE', 'give either --identity (with --plate-face) or --cast, not both');
  }
  if (single) {
    const identities = await Promise.all(options.identity.map((path) => readMediaFile(path)));
    const plateFace = options.plateFace === undefined ? null : await readMediaFile(options.plateFace);
    return [{ identities, plateFace }];
  }
  if (options.cast.length === 0) {
    throw new UnderstudyError(
      'USAGE',
      'say whose face is to appear with --identity IMAGE, or with --cast PLATE_IMAGE=IDENTITY_IMAGE',
    );
  }
  return Promise.all(
    options.cast.map(async (pair) => {
      const [plateFace, identity] = await readPair(pair);
      return { identities: [identity], plateFace };
    }),
  );
}

/** Either side may hold an equals sign; the pair is cut where both halves are files. */
async function readPair(pair: string): Promise<[LocalFile, LocalFile]> {
  for (let at = pair.indexOf('='); at >= 0; at = pair.indexOf('=', at + 1)) {
    const halves = await Promise.all(
      [pair.slice(0, at), pair.slice(at + 1)].map((path) => readMediaFile(path).catch(() => null)),
    );
    const [plateFace, identity] = halves;
    if (plateFace && identity) return [plateFace, identity];
  }
  throw new UnderstudyError('USAGE', `--cast wants PLATE_IMAGE=IDENTITY_IMAGE with two readable files, not ${pair}`);
}
