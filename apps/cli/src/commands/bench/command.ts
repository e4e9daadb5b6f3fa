import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../../config.js';
import { interruptSignal } from '../../terminal/interrupt.js';
import { benchDispatch, describeDispatch, isSound } from './dispatch.js';

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
    .option('--json', 'the figures as the last line of standard output')
    .action(async (options: { lanes: number; shards: number; pending: number; json?: boolean }) => {
      const config = readConfig();
      const signal = interruptSignal();
      const onStep = (step: string): void => console.error(`bench: ${step}`);
      const report = await benchDispatch({ ...options, homeDir: config.homeDir, signal, onStep });
      console.log(options.json === true ? JSON.stringify(report) : describeDispatch(report));
      if (!isSound(report)) process.exitCode = 1;
    });
}

function within(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`a number from ${least} to ${most} is needed`);
  };
}
