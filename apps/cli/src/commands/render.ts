import type { ShotReport, SubmitShot } from '@understudy/contracts';
import type { Command } from 'commander';
import { type Config, readConfig } from '../config.js';
import { createFaceReader } from '../faces/face-reader.js';
import { type JobOptions, readJob, withJobOptions } from '../job/job-options.js';
import { registerLocalPacks } from '../job/local-packs.js';
import { localProject } from '../job/local-project.js';
import { finishShot, type ShotJobContext, submitShot } from '../job/shot-job.js';
import { containerOf, requireWritable } from '../output/target.js';
import { describeReport } from '../terminal/describe-report.js';
import { interruptSignal } from '../terminal/interrupt.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../terminal/whole-number.js';
import { withLocalFarm } from './with-farm.js';

interface RenderOptions extends JobOptions {
  out: string;
  lanes?: number;
  keep?: string;
  json?: boolean;
}

export function addRenderCommand(program: Command): void {
  withJobOptions(
    program
      .command('render')
      .description(
        'replace or de-identify faces in a clip or a still image of your own, on a farm that lives as long as the command',
      ),
  )
    .requiredOption('--out <file>', 'where the result goes: .mp4 .mov .mkv, or .png .jpg for a still')
    .option('--lanes <n>', 'worker processes; by default one per two cores, at least two', wholeNumber)
    .option('--keep <dir>', 'keep the logs and segments of the run there')
    .option('--json', 'the report as the last line of standard output')
    .action(async (options: RenderOptions) => {
      const report = await render(options, readConfig());
      console.log(options.json === true ? JSON.stringify(report) : describeReport(report));
    });
}

async function render(options: RenderOptions, config: Config): Promise<ShotReport> {
  const job = await readJob(options, containerOf(options.out));
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
    const readFace = createFaceReader(config.homeDir);
    const registerPacks = (cast: SubmitShot['cast']) => registerLocalPacks(client, job, cast, config.homeDir);
    const context: ShotJobContext = { client, progress, signal, readFace, projectOf: localProject, registerPacks };
    try {
      const { shot } = await submitShot(job, context);
      return (await finishShot(shot.id, outPath, context)).report;
    } finally {
      progress.end();
    }
  });
}
