import type { NodeClient } from '@understudy/client/node';
import { type Shot, UnderstudyError, Uuid } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';
import { fetchDelivery } from '../../job/delivery.js';
import { watchShot } from '../../job/watch.js';
import { requireWritable } from '../../output/target.js';
import { describeReport } from '../../terminal/describe-report.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { createProgress } from '../../terminal/progress.js';

interface ReasonOptions extends ConnectionOptions {
  reason: string;
}

export function addShotCommands(program: Command): void {
  withConnection(program.command('shots').description('the shots that you see, newest first'))
    .option('--project <name>', 'of this project alone')
    .option('--json', 'as one JSON array')
    .action(listShots);
  withConnection(program.command('watch').description('follow a shot until it is done').argument('<shot>', 'its id'))
    .option('--out <file>', 'fetch the delivery there, once somebody has released it')
    .option('--json', 'the report as the last line of standard output')
    .action(watch);
  withConnection(
    program.command('cancel').description('stop a shot; its lanes stop at once').argument('<shot>', 'its id'),
  )
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .action(async (id: string, options: ReasonOptions) => {
      const client = await connect(options);
      const shot = await client.call('cancelShot', {
        params: { shotId: shotId(id) },
        body: { reason: options.reason },
      });
      console.log(`${shot.name} is ${shot.state}`);
    });
  withConnection(
    program.command('resume').description('go on with a shot held for review').argument('<shot>', 'its id'),
  )
    .requiredOption('--reason <text>', 'why it may go on; kept in the audit log')
    .action(async (id: string, options: ReasonOptions) => {
      const client = await connect(options);
      const shot = await client.call('resumeShot', {
        params: { shotId: shotId(id) },
        body: { reason: options.reason },
      });
      console.log(`${shot.name} is ${shot.state}`);
    });
  withConnection(program.command('release').description('let a delivery out').argument('<shot>', 'its id'))
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .action(async (id: string, options: ReasonOptions) => {
      const client = await connect(options);
      const deliveryId = await deliveryOf(client, shotId(id));
      const body = { reason: options.reason };
      const delivery = await client.call('releaseDelivery', { params: { deliveryId }, body });
      console.log(`released: sha256 ${delivery.sha256}`);
    });
}

async function listShots(options: ConnectionOptions & { project?: string; json?: boolean }): Promise<void> {
  const client = await connect(options);
  const projectId = options.project === undefined ? undefined : (await projectNamed(client, options.project)).id;
  const query = projectId === undefined ? { limit: 100 } : { limit: 100, projectId };
  const { items } = await client.call('listShots', { query });
  if (options.json === true) console.log(JSON.stringify(items));
  else for (const shot of items) console.log(lineOf(shot));
}

function lineOf(shot: Shot): string {
  const { total, accepted } = shot.shards;
  const done = total === 0 ? '' : `\t${accepted} of ${total} shards`;
  return `${shot.id}\t${shot.project}/${shot.name} v${shot.version}\t${shot.state}${done}`;
}

async function watch(id: string, options: ConnectionOptions & { out?: string; json?: boolean }): Promise<void> {
  const outPath = options.out === undefined ? null : await requireWritable(options.out);
  const client = await connect(options);
  const progress = createProgress();
  const signal = interruptSignal();
  try {
    const { shot } = await watchShot(client, shotId(id), progress, signal).catch((thrown: unknown) => {
      throw withLogs(thrown, id);
    });
    const report = await client.call('getShotReport', { params: { shotId: shot.id } }, { signal });
    if (outPath !== null) {
      const delivery = await client.call('getDelivery', { params: { deliveryId: await deliveryOf(client, shot.id) } });
      await fetchDelivery(client, delivery, outPath, signal);
      report.output.path = outPath;
    }
    console.log(options.json === true ? JSON.stringify(report) : describeReport(report));
  } finally {
    progress.end();
  }
}

/** A shard that was given up: where what its lanes wrote down is read. */
function withLogs(thrown: unknown, id: string): unknown {
  if (!(thrown instanceof UnderstudyError)) return thrown;
  const { code, message, details, cause } = thrown;
  if (typeof details?.['shard'] !== 'number') return thrown;
  const kind = details['kind'] === 'analyse' ? ' --analyse' : '';
  const hint = `read its lanes' logs with: understudy logs ${id} --shard ${details['shard']}${kind}`;
  return new UnderstudyError(code, `${message}; ${hint}`, { details, cause });
}

async function deliveryOf(client: NodeClient, id: string): Promise<string> {
  const { deliveryId, name, state } = await client.call('getShot', { params: { shotId: id } });
  if (deliveryId !== null) return deliveryId;
  throw new UnderstudyError(
    'CONFLICT',
    `${name} is ${state} and has no delivery yet; follow it with: understudy watch`,
  );
}

function shotId(value: string): string {
  const parsed = Uuid.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('USAGE', `${value} is no shot's id; understudy shots lists them`);
}
