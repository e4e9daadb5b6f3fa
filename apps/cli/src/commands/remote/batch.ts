import type { NodeClient } from '@understudy/client/node';
import { type Batch, type BatchStanding, UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { watchBatch } from '../../job/watch-batch.js';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { createProgress } from '../../terminal/progress.js';
import { priority } from './scheduling.js';

interface BatchOptions extends ConnectionOptions {
  project: string;
}
interface ReasonOptions extends BatchOptions {
  reason: string;
}

const WHY = 'why; kept in the audit log';

/** Shots that were submitted with `--batch NAME`, taken as one. */
export function addBatchCommands(program: Command): void {
  const batch = program.command('batch').description('shots submitted with --batch, taken as one');
  withConnection(batch.command('list').description('the batches that you see, newest first'))
    .option('--json', 'as one JSON array')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(options)).call('listBatches', { query: { limit: 100 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else for (const { id, name, shots } of items) console.log(`${id}\t${name}\t${shots} shots`);
    });
  const named = (name: string, description: string): Command =>
    withConnection(batch.command(name).description(description).argument('<batch>', 'its name')).requiredOption(
      '--project <name>',
      'the project that it is of',
    );
  named('show', 'how it stands: what is done, what waits and why, how long it takes, what it has cost')
    .option('--json', 'as one JSON object')
    .action(async (name: string, options: BatchOptions & { json?: boolean }) => {
      const { client, params } = await batchNamed(name, options);
      const standing = await client.call('getBatch', { params });
      console.log(options.json === true ? JSON.stringify(standing) : describeBatch(standing));
    });
  named('watch', 'follow it until every shot has ended, those that join meanwhile too')
    .option('--json', 'how it stands at the end, as the last line of standard output')
    .action(async (name: string, options: BatchOptions & { json?: boolean }) => {
      const { client, params } = await batchNamed(name, options);
      const progress = createProgress();
      const standing = await watchBatch(client, params.batchId, progress, interruptSignal()).finally(() =>
        progress.end(),
      );
      console.log(options.json === true ? JSON.stringify(standing) : describeBatch(standing));
    });
  addActs(named);
}

function addActs(named: (name: string, description: string) => Command): void {
  for (const [name, route, description] of [
    ['pause', 'pauseBatch', 'lease no more of its shots; lanes finish what they have begun'],
    ['unpause', 'unpauseBatch', 'go on with its paused shots'],
    ['cancel', 'cancelBatch', 'stop its shots; their lanes stop at once'],
  ] as const) {
    named(name, description)
      .requiredOption('--reason <text>', WHY)
      .action(async (batch: string, options: ReasonOptions) => {
        const { client, params } = await batchNamed(batch, options);
        tell(await client.call(route, { params, body: { reason: options.reason } }));
      });
  }
  named('priority', 'the place of its shots in the line')
    .argument('<n>', '0 to 100', priority)
    .option('--yield-now', 'lanes at less urgent work hand it back at once, instead of at the end of their shards')
    .requiredOption('--reason <text>', WHY)
    .action(async (batch: string, value: number, options: ReasonOptions & { yieldNow?: boolean }) => {
      const { client, params } = await batchNamed(batch, options);
      const body = { priority: value, yieldNow: options.yieldNow ?? false, reason: options.reason };
      tell(await client.call('setBatchPriority', { params, body }));
    });
}

function tell({ acted, left }: { acted: number; left: number }): void {
  console.log(`${acted} shots${left === 0 ? '' : `; ${left} had ended and are left as they are`}`);
}

async function batchNamed(
  name: string,
  options: BatchOptions,
): Promise<{ client: NodeClient; params: { batchId: string } }> {
  const client = await connect(options);
  const { id: projectId } = await projectNamed(client, options.project);
  let found: Batch | undefined;
  let cursor: string | undefined;
  do {
    const query = { projectId, limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await client.call('listBatches', { query });
    found = items.find((one) => one.name === name);
    cursor = next ?? undefined;
  } while (found === undefined && cursor !== undefined);
  if (found !== undefined) return { client, params: { batchId: found.id } };
  throw new UnderstudyError(
    'NOT_FOUND',
    `${options.project} has no batch ${name}; a shot begins one with: understudy submit --batch ${name}`,
  );
}

export function describeBatch(batch: BatchStanding): string {
  const { frames, shards, etaSeconds, laneSeconds, waiting } = batch;
  const states = batch.shots.map(({ state, shots }) => `${shots} ${state}`).join(', ');
  const eta =
    etaSeconds === null ? 'no estimate yet' : `about ${Math.ceil(etaSeconds)} s more on the lanes that it has`;
  return [
    `${batch.name}: ${states}`,
    `frames rendered ${frames.rendered} of ${frames.total ?? 'a number still to be counted'}; ${eta}`,
    `shards accepted ${shards.accepted} of ${shards.total}, running ${shards.running}, waiting ${shards.waiting}`,
    `lane seconds: ${laneSeconds.accepted.toFixed(1)} counted, ${laneSeconds.lost.toFixed(1)} lost, ${laneSeconds.running.toFixed(1)} running`,
    ...waiting.map(({ shots, text }) => `${shots} ${shots === 1 ? 'shot waits' : 'shots wait'}: ${text}`),
  ].join('\n');
}
