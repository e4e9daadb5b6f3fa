import { type Command, Option } from 'commander';
import { LaneNeeds, UnderstudyError, Uuid } from '@understudy/contracts';
import { readConfig } from '../../config.js';
import { createFaceReader } from '../../faces/face-reader.js';
import type { CastParties } from '../../job/casting.js';
import { type JobOptions, readJob, withJobOptions } from '../../job/job-options.js';
import { type ShotJob, submitShot } from '../../job/shot-job.js';
import { type Container, CONTAINER_NAMES } from '../../output/target.js';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { createProgress } from '../../terminal/progress.js';
import { wholeNumber } from '../../terminal/whole-number.js';

interface SubmitOptions extends JobOptions, ConnectionOptions {
  performer?: string;
  platePerformer?: string;
  container: Container;
  json?: boolean;
  priority: number;
  pool?: string;
  vram?: number;
  precision?: 'fp32' | 'fp16';
  after: string[];
  batch?: string;
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
    .option('--priority <n>', "0 to 100; from 90 on it goes before everybody's share", wholeNumber, 50)
    .option('--pool <name>', 'only lanes of this pool render it')
    .option('--vram <mib>', 'least GPU memory of its lanes', wholeNumber)
    .addOption(new Option('--precision <name>', 'in which its lanes compute').choices(['fp32', 'fp16']))
    .option('--after <shot>', 'a shot, by id, that must be ready first; repeatable', collect, [])
    .option('--batch <name>', 'the batch that it joins, whether that runs already or is new')
    .option('--json', 'the shot as the last line of standard output')
    .action(submit);
}

async function submit(options: SubmitOptions): Promise<void> {
  const config = readConfig();
  const place = placeOf(options);
  const job = { ...(await readJob(options, options.container, partiesOf(options))), ...place };
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

const collect = (value: string, before: string[]): string[] => [...before, value];

/** Its place among the others. @throws UnderstudyError USAGE */
function placeOf({
  priority,
  pool,
  vram,
  precision,
  after,
  batch,
}: SubmitOptions): Pick<ShotJob, 'priority' | 'needs' | 'after' | 'batch'> {
  const needs = LaneNeeds.safeParse({ pool, leastVramMiB: vram, precision });
  if (!needs.success)
    throw new UnderstudyError('USAGE', `--pool or --vram: ${needs.error.issues[0]?.message ?? 'unusable'}`);
  const wrong = after.find((id) => !Uuid.safeParse(id).success);
  if (wrong !== undefined)
    throw new UnderstudyError('USAGE', `--after ${wrong} is no shot's id; understudy shots lists them`);
  if (priority > 100) throw new UnderstudyError('USAGE', '--priority is 0 to 100');
  return { priority, needs: needs.data, after, batch };
}

function partiesOf({ performer, platePerformer }: SubmitOptions): CastParties | undefined {
  if (performer === undefined && platePerformer === undefined) return undefined;
  if (performer !== undefined && platePerformer !== undefined) return { identity: performer, plate: platePerformer };
  throw new UnderstudyError('USAGE', '--performer and --plate-performer go together: both sides have to consent');
}
