import { Command } from 'commander';
import { expect, it } from 'vitest';
import { COMMAND_GROUPS, createProgram } from './program.js';

const namesOf = (program: Command): string[] => program.commands.map((command) => command.name());

const GROUPS = COMMAND_GROUPS.map(({ names, load }) => [names.join(', '), names, load] as const);
it.each(GROUPS)('%s: what the group defines', async (_, names, load) => {
  const program = new Command();
  for (const add of await load()) add(program);
  expect(namesOf(program)).toEqual(names);
});

it('loads one command for its call, and all of them for help and what is no command', async () => {
  const every = COMMAND_GROUPS.flatMap(({ names }) => names);
  expect(namesOf(await createProgram('whoami'))).toEqual(['login', 'logout', 'whoami']);
  expect(namesOf(await createProgram('--help'))).toEqual(every);
  expect(namesOf(await createProgram('whoamy'))).toEqual(every);
  expect(namesOf(await createProgram())).toEqual(every);
});
