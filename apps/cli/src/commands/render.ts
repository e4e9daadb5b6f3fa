import { basename, extname } from 'node:path';
import { Encoding, Recipe, recipePreset, type ShotReport, UnderstudyError } from '@understudy/contracts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, readConfig } from '../config.js';
import { readConsentDocument } from '../consent/document.js';
import { createFaceReader } from '../faces/face-reader.js';
import type { CastRequest } from '../job/casting.js';
import { finishShot, type ShotJob, type ShotJobContext, submitShot } from '../job/shot-job.js';
import { type LocalFile, readLocalFile } from '../job/upload.js';
import { containerOf, requireWritable } from '../output/target.js';
import { interruptSignal } from '../terminal/interrupt.js';
import { createProgress } from '../terminal/progress.js';
import { describeReport } from '../terminal/describe-report.js';
import { withLocalFarm } from './with-farm.js';

interface RenderOptions {
  target: string;
  identity: string[];
  plateFace?: string;
  cast: string[];
  consent: string[];
  recipe: 'replace' | 'anonymise';
  style?: 'blur' | 'pixelate' | 'solid';
  keepFace: string[];
  basis?: string;
  acceptUncertain?: string;
  project?: string;
  shot?: string;
  out: string;
  lanes?: number;
  shardFrames?: number;
  lossless?: boolean;
  keep?: string;
  json?: boolean;
}

export function addRenderCommand(program: Command): void {
  const collect = (value: string, before: string[]): string[] => [...before, value];
  program
    .command('render')
    .description(
      'replace or de-identify faces in a clip or a still image of your own, on a farm that lives as long as the command',
    )
    .requiredOption('--target <clip>', 'the plate: a clip, or a PNG or JPEG image')
    .requiredOption('--out <file>', 'where the result goes: .mp4 .mov .mkv, or .png .jpg for a still')
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
    .option('--consent <file>', 'a consent document (understudy consent new); repeatable', collect, [])
    .addOption(new Option('--recipe <name>', 'what to do').choices(['replace', 'anonymise']).default('replace'))
    .addOption(new Option('--style <name>', 'how to de-identify').choices(['blur', 'pixelate', 'solid']))
    .option('--keep-face <image>', 'a face that de-identification leaves alone; repeatable', collect, [])
    .option('--basis <text>', 'on what ground people are de-identified; required by --recipe anonymise')
    .option('--accept-uncertain <reason>', 'go on, for this reason, where the faces of some frames are uncertain')
    .option('--project <name>', "the project; by default the consents'")
    .option('--shot <name>', "the shot's name; by default the target's file name")
    .option('--lanes <n>', 'worker processes; by default one per two cores, at least two', wholeNumber)
    .option('--shard-frames <n>', 'frames in one shard', wholeNumber)
    .option('--lossless', 'keep every sample outside the faces bit for bit')
    .option('--keep <dir>', 'keep the logs and segments of the run there')
    .option('--json', 'the report as the last line of standard output')
    .action(async (options: RenderOptions) => {
      const report = await render(options, readConfig());
      console.log(options.json === true ? JSON.stringify(report) : describeReport(report));
    });
}

async function render(options: RenderOptions, config: Config): Promise<ShotReport> {
  const job = await readJob(options);
  const outPath = await requireWritable(options.out);
  const progress = createProgress();
  const lanes = options.lanes ?? Math.max(2, Math.floor(config.cores / 2));
  const farm = {
    config,
    lanes,
    signal: interruptSignal(),
    onStep: (step: string) => progress.phase(step),
    keepDir: options.keep,
  };
  return withLocalFarm(farm, async ({ client }, signal) => {
    const context: ShotJobContext = { client, progress, signal, readFace: createFaceReader(config.homeDir) };
    try {
      const { shot } = await submitShot(job, context);
      return (await finishShot(shot.id, outPath, context)).report;
    } finally {
      progress.end();
    }
  });
}

/** Everything that can be found wrong with the request before anything is started. */
async function readJob(options: RenderOptions): Promise<ShotJob> {
  const container = containerOf(options.out);
  const plate = await readLocalFile(options.target);
  const consents = await Promise.all(options.consent.map((path) => readConsentDocument(path)));
  const casts = options.recipe === 'replace' ? await readCasts(options) : [];
  if (options.recipe === 'replace' && consents.length === 0) {
    throw new UnderstudyError(
      'CONSENT_REQUIRED',
      'nothing is replaced without recorded consent; make one with: understudy consent new, and give it with --consent',
    );
  }
  if (options.recipe === 'anonymise' && options.basis === undefined) {
    throw new UnderstudyError(
      'BASIS_REQUIRED',
      'say on what ground people are de-identified with --basis TEXT; it is kept in the audit log',
    );
  }
  return {
    project: options.project ?? consents[0]?.statement.scope.project ?? 'local',
    name: options.shot ?? basename(options.target, extname(options.target)),
    plate,
    recipe: recipeOf(options),
    casts,
    keepFaces: await Promise.all(options.keepFace.map((path) => readLocalFile(path))),
    consents,
    basis: options.basis,
    encoding: Encoding.parse({ mode: options.lossless === true ? 'lossless' : 'delivery' }),
    container,
    shardFrames: options.shardFrames,
    leastShards: options.shardFrames === undefined ? 2 : 1,
    acceptUncertain: options.acceptUncertain,
  };
}

function recipeOf(options: RenderOptions): Recipe {
  if (options.recipe === 'replace') return recipePreset('replace');
  const settings = options.style === undefined ? {} : { style: options.style };
  return Recipe.parse({ processors: [{ type: 'anonymise', settings }] });
}

async function readCasts(options: RenderOptions): Promise<CastRequest[]> {
  const single = options.identity.length > 0;
  if (single && options.cast.length > 0) {
    throw new UnderstudyError('USAGE', 'give either --identity (with --plate-face) or --cast, not both');
  }
  if (single) {
    const identities = await Promise.all(options.identity.map((path) => readLocalFile(path)));
    const plateFace = options.plateFace === undefined ? null : await readLocalFile(options.plateFace);
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
      [pair.slice(0, at), pair.slice(at + 1)].map((path) => readLocalFile(path).catch(() => null)),
    );
    const [plateFace, identity] = halves;
    if (plateFace && identity) return [plateFace, identity];
  }
  throw new UnderstudyError('USAGE', `--cast wants PLATE_IMAGE=IDENTITY_IMAGE with two readable files, not ${pair}`);
}

export function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1 is needed');
  return number;
}
