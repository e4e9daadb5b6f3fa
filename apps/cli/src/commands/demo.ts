import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConsentParty, Encoding, recipePreset, type ShotReport, UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { type Config, readConfig } from '../config.js';
import { newConsentDocument } from '../consent/document.js';
import { operatorKey } from '../consent/operator-key.js';
import { createFaceReader } from '../faces/face-reader.js';
import { localProject } from '../job/local-project.js';
import { finishShot, type ShotJob, type ShotJobContext, submitShot } from '../job/shot-job.js';
import { readLocalFile } from '../job/upload.js';
import { writeBeforeAfter } from '../output/before-after.js';
import { requireFolder } from '../output/target.js';
import { writeWhole } from '../output/write-whole.js';
import { cachedSample, type SampleFiles } from '../sample/cached-sample.js';
import { describeReport } from '../terminal/describe-report.js';
import { interruptSignal } from '../terminal/interrupt.js';
import { createProgress, type Progress } from '../terminal/progress.js';
import { party } from './consent.js';
import { withLocalFarm } from './with-farm.js';

const LANES = 2;
const LEAST_SHARDS = 6;
/** A replaced face must come closer to the identity by at least this cosine. */
const LEAST_RISE = 0.45;
const PICTURED_FRAMES = [40, 120, 200];
const LEAD = 'the lead';
const UNDERSTUDY = 'the understudy';

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'the whole main job on a drawn sample: two performers talk, the one who consented is replaced, the other stays untouched',
    )
    .option('--out <dir>', 'where output.mp4, before-after.png and report.json go', 'understudy-demo')
    .option('--json', 'the report as the last line of standard output')
    .action(async (options: { out: string; json?: boolean }) => {
      const report = await demo(options.out, readConfig());
      console.log(options.json === true ? JSON.stringify(report) : describeReport(report));
    });
}

async function demo(out: string, config: Config): Promise<ShotReport> {
  const startedAt = performance.now();
  const progress = createProgress();
  const signal = interruptSignal();
  const outDir = await requireFolder(out);
  const outputs = ['output.mp4', 'before-after.png', 'report.json'].map((name) => join(outDir, name));
  // Of an earlier run nothing stays, so that what lies there afterwards is of this one.
  await Promise.all(outputs.map((path) => rm(path, { force: true })));
  const [outputPath = '', picturePath = '', reportPath = ''] = outputs;
  const sample = await cachedSample(config.homeDir, progress, signal);
  progress.phase('signing the consents of two of the three performers');
  const signing = sampleJob(sample, config);
  // Awaited below, once the farm that starts meanwhile is there; until then a failure waits too.
  signing.catch(() => undefined);
  const farm = { config, lanes: LANES, signal, onStep: (step: string) => progress.phase(step) };
  const report = await withLocalFarm(farm, async ({ client }, farmSignal) => {
    const context: ShotJobContext = {
      client,
      progress,
      signal: farmSignal,
      readFace: createFaceReader(config.homeDir),
      projectOf: localProject,
    };
    const { shot } = await submitShot(await signing, context);
    const finished = await finishShot(shot.id, outputPath, context);
    await writeBeforeAfter(client, shot.id, PICTURED_FRAMES, picturePath, farmSignal);
    const timingsS = { ...finished.report.timingsS, total: (performance.now() - startedAt) / 1000 };
    return { ...finished.report, timingsS };
  });
  await writeWhole(reportPath, `${JSON.stringify(report, null, 2)}\n`);
  requireAllHeld(report, sample);
  note(progress, outDir);
  return report;
}

function note(progress: Progress, outDir: string): void {
  progress.note(`look at ${join(outDir, 'before-after.png')} and ${join(outDir, 'output.mp4')}`);
}

/** The first performer is replaced by the third, with the consent of both; nobody asked the second. */
async function sampleJob(sample: SampleFiles, config: Config): Promise<ShotJob> {
  const parties: ConsentParty[] = [
    await party('identity', UNDERSTUDY, sample.identities, config.homeDir),
    await party('plate', LEAD, sample.firstReferences, config.homeDir),
  ];
  const request = {
    project: 'demo',
    operations: ['replace' as const],
    parties,
    validDays: 1,
    intendedUse: 'The demo on the drawn sample.',
  };
  const [firstReference = ''] = sample.firstReferences;
  return {
    project: 'demo',
    name: 'sample',
    plate: await readLocalFile(sample.plate),
    recipe: recipePreset('replace'),
    casts: [
      {
        identities: await Promise.all(sample.identities.map((path) => readLocalFile(path))),
        plateFace: await readLocalFile(firstReference),
      },
    ],
    parties: { plate: LEAD, identity: UNDERSTUDY },
    keepFaces: [],
    consents: [newConsentDocument(request, await operatorKey(config.homeDir), new Date())],
    encoding: Encoding.parse({}),
    container: 'mp4',
    leastShards: LEAST_SHARDS,
  };
}

/** @throws UnderstudyError naming the first thing that did not hold. */
function requireAllHeld(report: ShotReport, sample: SampleFiles): void {
  const replaced = report.faces.filter((face) => face.cast !== null);
  const untouched = report.faces.filter((face) => face.cast === null);
  const rise = Math.min(...replaced.map((face) => (face.idToIdentity ?? 0) - (face.idToIdentityBefore ?? 0)));
  const checks: [string, boolean][] = [
    [
      `${sample.frames} frames, not ${report.frames}`,
      report.frames === sample.frames && report.output.frames === sample.frames,
    ],
    [`at least ${LEAST_SHARDS} shards, not ${report.shards}`, report.shards >= LEAST_SHARDS],
    [`work on ${LANES} lanes, not ${report.lanes.length}`, report.lanes.length === LANES],
    [`one replaced face, not ${replaced.length}`, replaced.length === 1],
    [`one untouched face, not ${untouched.length}`, untouched.length === 1],
    [`a likeness raised by ${LEAST_RISE}, not ${rise.toFixed(2)}`, rise >= LEAST_RISE],
  ];
  const failed = checks.find(([, held]) => !held);
  if (failed !== undefined) throw new UnderstudyError('INTERNAL', `the demo should have given ${failed[0]}`);
}
