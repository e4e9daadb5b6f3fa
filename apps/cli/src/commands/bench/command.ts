import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../../config.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { createProgress } from '../../terminal/progress.js';
import { benchDispatch, describeDispatch, isSound } from './dispatch.js';
import { benchLane, describeLane } from './lane.js';
import { benchQuality, describeQuality } from './quality.js';

interface DispatchCommandOptions {
  lanes: number;
  shards: number;
  pending: number;
  holdMs: number;
  coordinators: number;
  json?: boolean;
}

export function addBenchCommand(program: Command): void {
  const bench = program.command('bench').description('measure this installation');
  bench
    .command('dispatch')
    .description(
      'simulated lanes against a real coordinator and Postgres: completions a second, latencies, nothing lost',
    )
    .option('--lanes <n>', 'lanes that work at once', within(1, 2_000), 1_000)
    .option('--shards <n>', 'shards to complete', within(1, 100_000), 10_000)
    .option(
      '--pending <n>',
      'most pending shards to measure the claim under; 0 leaves that out',
      within(0, 1_000_000),
      1_000_000,
    )
    .option('--hold-ms <n>', 'how long each lane holds a lease', within(100, 60_000), 3_000)
    .option('--coordinators <n>', 'replicas on the one database; the lanes are dealt out to them', within(1, 8), 1)
    .option('--json', 'the figures as the last line of standard output')
    .action(async (options: DispatchCommandOptions) => {
      const config = readConfig();
      const signal = interruptSignal();
      const onStep = (step: string): void => console.error(`bench: ${step}`);
      const report = await benchDispatch({ ...options, homeDir: config.homeDir, signal, onStep });
      console.log(options.json === true ? JSON.stringify(report) : describeDispatch(report));
      if (!isSound(report)) process.exitCode = 1;
    });
  addBenchLane(bench);
  addBenchQuality(bench);
}

interface LaneCommandOptions {
  clip?: string;
  identity: string[];
  plateFace?: string;
  frames?: number;
  lanes: number;
  runs: number;
  json?: boolean;
}

function addBenchLane(bench: Command): void {
  const collect = (value: string, before: string[]): string[] => [...before, value];
  bench
    .command('lane')
    .description('the whole job on real lanes against a plain transcode of the same clip, and what each stage takes')
    .option('--clip <file>', 'a clip of your own; without it the drawn sample at 1080p')
    .option('--identity <image>', 'with --clip: whose face is to appear; repeatable', collect, [])
    .option('--plate-face <image>', 'with --clip: which face is meant, where there are several')
    .option('--frames <n>', 'only so many frames from the start', within(1, 1_000_000))
    .option('--lanes <n>', 'worker processes', within(1, 64), 1)
    .option('--runs <n>', 'how often the job and the transcode are timed', within(1, 100), 3)
    .option('--json', 'the figures as the last line of standard output')
    .action(async (options: LaneCommandOptions) => {
      const onStep = (step: string): void => console.error(`bench: ${step}`);
      const given = { config: readConfig(), signal: interruptSignal(), progress: createProgress(), onStep };
      const report = await benchLane({ ...options, ...given });
      console.log(options.json === true ? JSON.stringify(report) : describeLane(report));
    });
}

interface QualityCommandOptions {
  footage?: string;
  people: number;
  every: number;
  frames?: number;
  json?: boolean;
}

function addBenchQuality(bench: Command): void {
  bench
    .command('quality')
    .description(
      'likeness, performance, seams and steadiness of replaced faces, measured on finished frames; how well covered people are known again',
    )
    .option('--footage <dir>', 'beside the drawn sample, every portrait-* on every plate-* of this folder')
    .option('--people <n>', 'drawn people to know again, covered; 0 leaves that out', within(0, 200), 16)
    .option('--every <n>', 'measure three neighbouring frames in so many', within(3, 1_000), 12)
    .option('--frames <n>', 'only so many frames from the start', within(3, 1_000_000))
    .option('--json', 'the figures as the last line of standard output')
    .action(async (options: QualityCommandOptions) => {
      const onStep = (step: string): void => console.error(`bench: ${step}`);
      const given = { config: readConfig(), signal: interruptSignal(), progress: createProgress(), onStep };
      const report = await benchQuality({ ...options, ...given });
      console.log(options.json === true ? JSON.stringify(report) : describeQuality(report));
    });
}

function within(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`a number from ${least} to ${most} is needed`);
  };
}
