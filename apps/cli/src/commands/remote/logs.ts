import { setTimeout as delay } from 'node:timers/promises';
import type { NodeClient } from '@understudy/client/node';
import { type AttemptLog, type RouteRequest, SETTLED_SHOT_STATES, UnderstudyError, Uuid } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { wholeNumber } from '../../terminal/whole-number.js';

interface LogsOptions extends ConnectionOptions {
  shard?: number;
  attempt?: number;
  analyse?: boolean;
  grep?: string;
  follow?: boolean;
  json?: boolean;
}

const LOOK_MS = 1000;
/** What changed a moment ago may not have been seen by whoever looked then. */
const OVERLAP_MS = 5000;

/** What lanes wrote down about a shot's attempts. */
export function addLogsCommand(program: Command): void {
  withConnection(
    program
      .command('logs')
      .description("what lanes wrote down about the attempts at a shot's shards")
      .argument('<shot>', 'its id'),
  )
    .option('--shard <n>', 'of this shard alone; shards count from 1, in the order of their frames', wholeNumber)
    .option('--attempt <n>', 'of this attempt alone; attempts at a shard count from 1', wholeNumber)
    .option('--analyse', 'of the ranges of the analysis, instead of the shards')
    .option('--grep <text>', 'only lines with this text, in whatever case')
    .option('--follow', 'go on until the shot is done')
    .option('--json', 'a JSON object for each line')
    .action(async (id: string, options: LogsOptions) => {
      const client = await connect(options);
      const shotId = idOf(id);
      const print = printer(options.json === true);
      let changedMs = await printNew(client, shotId, options, print, 0);
      if (options.follow !== true) return;
      const signal = interruptSignal();
      while (!signal.aborted) {
        const { state } = await client.call('getShot', { params: { shotId } });
        await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
        changedMs = await printNew(client, shotId, options, print, changedMs);
        if (SETTLED_SHOT_STATES.includes(state)) return;
      }
    });
}

type Print = (log: AttemptLog) => void;
type Query = NonNullable<RouteRequest<'listShotLogs'>['query']>;

/** @returns when the newest of the logs changed, or `changedMs` */
async function printNew(
  client: NodeClient,
  shotId: string,
  options: LogsOptions,
  print: Print,
  changedMs: number,
): Promise<number> {
  let newestMs = changedMs;
  const { shard, attempt, grep } = options;
  const query: Query = {
    kind: options.analyse === true ? 'analyse' : 'render',
    ...(shard === undefined ? {} : { shard }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(grep === undefined ? {} : { grep }),
    ...(changedMs === 0 ? {} : { since: new Date(changedMs - OVERLAP_MS).toISOString() }),
  };
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const page = { ...query, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await client.call('listShotLogs', { params: { shotId }, query: page });
    for (const log of items) {
      print(log);
      newestMs = Math.max(newestMs, Date.parse(log.changedAt));
    }
    cursor = next ?? undefined;
  }
  return newestMs;
}

/** Prints each line of each attempt once; a head before the lines of another attempt. */
function printer(asJson: boolean): Print {
  const printed = new Map<string, number>();
  let shown: string | undefined;
  return (log) => {
    const { attemptId, lines, ...attempt } = log;
    const last = printed.get(attemptId) ?? 0;
    const fresh = lines.filter(({ line }) => line > last);
    printed.set(attemptId, fresh.at(-1)?.line ?? last);
    if (asJson) {
      const { taskId, shard, epoch, lane } = attempt;
      for (const line of fresh) console.log(JSON.stringify({ attemptId, taskId, shard, epoch, lane, ...line }));
      return;
    }
    if (fresh.length > 0 && shown !== attemptId) console.log(headOf(log));
    if (fresh.length > 0) shown = attemptId;
    for (const { at, level, message, fields } of fresh) {
      const figures = Object.entries(fields).map(([name, value]) => `${name}=${shownValue(value)}`);
      console.log(['  ' + at, level.padEnd(5), message, ...figures].join(' '));
    }
  };
}

function headOf({ kind, shard, startFrame, endFrame, epoch, lane, state, error, cutLines }: AttemptLog): string {
  const what = kind === 'render' ? 'shard' : 'range';
  const cut = cutLines === 0 ? '' : `, ${cutLines} lines cut`;
  const why = error === null ? '' : `: ${error}`;
  return `${what} ${shard} [${startFrame}, ${endFrame}) attempt ${epoch} on ${lane}, ${state}${why}${cut}`;
}

function shownValue(value: unknown): string {
  return typeof value === 'string' && value.includes('\n') ? value.replaceAll('\n', '\n    ') : JSON.stringify(value);
}

function idOf(value: string): string {
  const parsed = Uuid.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('USAGE', `${value} is no shot's id; understudy shots lists them`);
}
