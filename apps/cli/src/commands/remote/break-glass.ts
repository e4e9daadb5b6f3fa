import type { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';

export function addBreakGlassCommands(program: Command): void {
  const breakGlass = program
    .command('break-glass')
    .description('the account for the day when nobody else can get in; two org admins seal it');
  withConnection(breakGlass.command('status').description('whether it is sealed, open or used up'))
    .option('--json', 'as one JSON object')
    .action(status);
  withConnection(
    breakGlass.command('ask').description('ask for a new seal, and get the first half of its password'),
  ).action((options: ConnectionOptions) => takeHalf(options, 'askBreakGlass'));
  withConnection(
    breakGlass.command('seal').description('seal what another org admin asked for, and get the second half'),
  ).action((options: ConnectionOptions) => takeHalf(options, 'sealBreakGlass'));
}

async function status(options: ConnectionOptions & { json?: boolean }): Promise<void> {
  const standing = await (await connect(options)).call('getBreakGlass');
  if (options.json === true) {
    console.log(JSON.stringify(standing));
    return;
  }
  const { state, openUntil, askedBy } = standing;
  console.log(`${state}${openUntil === null ? '' : ` until ${openUntil}`}`);
  if (askedBy !== null)
    console.log(`${askedBy} asked for a new seal: another org admin runs: understudy break-glass seal`);
}

async function takeHalf(options: ConnectionOptions, route: 'askBreakGlass' | 'sealBreakGlass'): Promise<void> {
  const { email, half, secret } = await (await connect(options)).call(route);
  console.log(`the ${half} half of the password of ${email}, shown only now: ${secret}`);
  console.log('the password is both halves with a dash between them; keep them on paper, apart from each other');
}
