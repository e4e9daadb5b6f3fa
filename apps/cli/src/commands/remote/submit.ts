import { type Command, Option } from 'commander';
import { UnderstudyError } from '@understudy/contracts';
import { readConfig } from '../../config.js';
import { createFaceReader } from '../../faces/face-reader.js';
import type { CastParties } from '../../job/casting.js';
import { type JobOptions, readJob, withJobOptions } from '../../job/job-options.js';
import { submitShot } from '../../job/shot-job.js';
import { type Container, CONTAINER_NAMES } from '../../output/target.js';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { createProgress } from '../../terminal/progress.js';

interface SubmitOptions extends JobOptions, ConnectionOptions {
  performer?: string;
  platePerformer?: string;
  container: Container;
  json?: boolean;
}

export function addSubmitCommand(program: Command): void {
  withConnection(
    withJobOptions(
      program
        .command('submit')
        .description('give a shot to a farm that is already running; its consents are imported, or there already'),
    ),
  )
    .option('--performer <name>', 'whose face is to appear, by pseudonym, where the farm holds the consent already')
    .option('--plate-performer <name>', 'whose face is covered, by pseudonym')
    .addOption(new Option('--container <kind>', 'what is delivered').choices(CONTAINER_NAMES).default('mp4'))
    .option('--json', 'the shot as the last line of standard output')
    .action(submit);
}

async function submit(options: SubmitOptions): Promise<void> {
  const config = readConfig();
  const job = await readJob(options, options.container, partiesOf(options));
  const client = await connect(options, config);
  const progress = createProgress();
  const readFace = createFaceReader(config.homeDir);
  try {
    const context = { client, progress, signal: interruptSignal(), readFace, projectOf: projectNamed };
    const { shot, waivers } = await submitShot(job, context);
    if (waivers.length > 0) progress.note(`waived: ${waivers.join(', ')}`);
    console.log(
      options.json === true ? JSON.stringify(shot) : `${shot.id}\nfollow it with: understudy watch ${shot.id}`,
    );
  } finally {
    progress.end();
  }
}

function partiesOf({ performer, platePerformer }: SubmitOptions): CastParties | undefined {
  if (performer === undefined && platePerformer === undefined) return undefined;
  if (performer !== undefined && platePerformer !== undefined) return { identity: performer, plate: platePerformer };
  throw new UnderstudyError('USAGE', '--performer and --plate-performer go together: both sides have to consent');
}
