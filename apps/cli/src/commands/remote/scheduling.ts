import { type RouteOutput, UnderstudyError, Uuid } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';
import { wholeNumber } from '../../terminal/whole-number.js';

interface ReasonOptions extends ConnectionOptions {
  reason: string;
}

const WHY = 'why; kept in the audit log';

/** A shot's place among the others: why it waits, and what may be done about it. */
export function addSchedulingCommands(program: Command): void {
  withConnection(
    program
      .command('why')
      .description('why a shot waits, how long it takes, what it has cost')
      .argument('<shot>', 'its id'),
  )
    .option('--json', 'as one JSON object')
    .action(async (id: string, options: ConnectionOptions & { json?: boolean }) => {
      const outlook = await (await connect(options)).call('getShotOutlook', { params: { shotId: idOf(id, 'shot') } });
      console.log(options.json === true ? JSON.stringify(outlook) : describeOutlook(outlook));
    });
  for (const [name, route, description] of [
    ['pause', 'pauseShot', 'lease no more of a shot; lanes finish what they have begun'],
    ['unpause', 'unpauseShot', 'go on with a paused shot'],
  ] as const) {
    withConnection(program.command(name).description(description).argument('<shot>', 'its id'))
      .requiredOption('--reason <text>', WHY)
      .action(async (id: string, options: ReasonOptions) => {
        const request = { params: { shotId: idOf(id, 'shot') }, body: { reason: options.reason } };
        const shot = await (await connect(options)).call(route, request);
        console.log(`${shot.name} is ${shot.state}${name === 'pause' ? ', paused' : ''}`);
      });
  }
  withConnection(
    program
      .command('retry')
      .description('go on with a failed shot: what was accepted stays')
      .argument('<shot>', 'its id'),
  )
    .option('--any-class', 'render all of its frames anew, on lanes of whatever parity class; also a shot that renders')
    .requiredOption('--reason <text>', WHY)
    .action(async (id: string, options: ReasonOptions & { anyClass?: boolean }) => {
      const body = { reason: options.reason, anyClass: options.anyClass ?? false };
      const shot = await (await connect(options)).call('retryShot', { params: { shotId: idOf(id, 'shot') }, body });
      console.log(`${shot.name} is ${shot.state}${body.anyClass ? `, as version ${shot.version}` : ''}`);
    });
  withConnection(
    program
      .command('priority')
      .description("a shot's place in the line, 0 to 100; from 90 on it goes before everybody's share")
      .argument('<shot>', 'its id')
      .argument('<n>', 'the priority', priority),
  )
    .option('--yield-now', 'lanes at less urgent work hand it back at once, instead of at the end of their shards')
    .requiredOption('--reason <text>', WHY)
    .action(async (id: string, value: number, options: ReasonOptions & { yieldNow?: boolean }) => {
      const body = { priority: value, yieldNow: options.yieldNow ?? false, reason: options.reason };
      const shot = await (
        await connect(options)
      ).call('setShotPriority', { params: { shotId: idOf(id, 'shot') }, body });
      console.log(`${shot.name} has priority ${value}`);
    });
}

export function addLaneCommands(program: Command): void {
  const lane = program.command('lane').description('which lanes take work, and for whom');
  withConnection(lane.command('list').description('the lanes of all workers'))
    .option('--json', 'as one JSON array of workers')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(options)).call('listWorkers', { query: { limit: 500 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else {
        for (const { name, preparing, lanes } of items) {
          if (preparing !== null) console.log(`-\t${name}\t-\t${preparing.step} (since ${preparing.at})`);
          for (const one of lanes) console.log(lineOf(name, one));
        }
      }
    });
  withConnection(lane.command('drain').description('give a lane no more work').argument('<lane>', 'its id'))
    .option('--now', 'it hands back what it has begun')
    .requiredOption('--reason <text>', WHY)
    .action(async (id: string, options: ReasonOptions & { now?: boolean }) => {
      const body = { now: options.now ?? false, reason: options.reason };
      await (await connect(options)).call('drainLane', { params: { laneId: idOf(id, 'lane') }, body });
      console.log('drained: it gets no more work');
    });
  withConnection(
    lane
      .command('undrain')
      .description('give a lane work again, whether it was drained or set aside for its failures')
      .argument('<lane>', 'its id'),
  )
    .requiredOption('--reason <text>', WHY)
    .action(async (id: string, options: ReasonOptions) => {
      const request = { params: { laneId: idOf(id, 'lane') }, body: { reason: options.reason } };
      await (await connect(options)).call('undrainLane', request);
      console.log('it gets work again');
    });
  withConnection(
    lane
      .command('pools')
      .description("the pools that a lane works for besides everybody's")
      .argument('<lane>', 'its id')
      .argument('[pool...]', 'names; none for no pool'),
  ).action(async (id: string, pools: string[], options: ConnectionOptions) => {
    await (await connect(options)).call('setLanePools', { params: { laneId: idOf(id, 'lane') }, body: { pools } });
    console.log(pools.length === 0 ? 'it is in no pool' : `it is in ${pools.join(', ')}`);
  });
}

type Outlook = RouteOutput<'getShotOutlook'>;

export function describeOutlook({ waiting, etaSeconds, laneSeconds, shards, priority }: Outlook): string {
  const { accepted, lost, running } = laneSeconds;
  return [
    waiting === null ? 'nothing of it waits for a lane' : `waits: ${waiting.text}`,
    `shards waiting ${shards.waiting}, running ${shards.running}, set aside ${shards.setAside}; priority ${priority}`,
    `this stage: ${etaSeconds === null ? 'no estimate yet' : `about ${Math.ceil(etaSeconds)} s more`}`,
    `lane seconds: ${accepted.toFixed(1)} counted, ${lost.toFixed(1)} lost, ${running.toFixed(1)} running`,
  ].join('\n');
}

type WorkerLane = RouteOutput<'listWorkers'>['items'][number]['lanes'][number];

function lineOf(worker: string, lane: WorkerLane): string {
  const off =
    lane.drainedAt === null
      ? lane.setAsideUntil === null
        ? ''
        : `\tset aside until ${lane.setAsideUntil}: ${lane.setAsideReason ?? 'FAILURES'}`
      : '\tdrained';
  const pools = lane.pools.length === 0 ? '' : `\t${lane.pools.join(',')}`;
  return `${lane.id}\t${worker}\t${lane.name}\t${lane.state}\t${lane.parity}${pools}${off}`;
}

export function priority(value: string): number {
  const parsed = wholeNumber(value);
  if (parsed <= 100) return parsed;
  throw new UnderstudyError('USAGE', 'a priority is 0 to 100');
}

function idOf(value: string, what: 'shot' | 'lane'): string {
  const parsed = Uuid.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError(
    'USAGE',
    `${value} is no ${what}'s id; understudy ${what === 'shot' ? 'shots' : 'lane list'} lists them`,
  );
}
