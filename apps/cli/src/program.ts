import { Command } from 'commander';

type Add = (program: Command) => void;

interface CommandGroup {
  /** What its modules define, as it is typed. */
  readonly names: readonly string[];
  readonly load: () => Promise<readonly Add[]>;
}

/**
 * Every command and where it is defined, in the order of the help. Whoever calls one waits for its modules alone: those of
 * the others bring in the database, the models and the picture libraries, four fifths of a start.
 */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { names: ['demo'], load: async () => [(await import('./commands/demo.js')).addDemoCommand] },
  { names: ['render'], load: async () => [(await import('./commands/render.js')).addRenderCommand] },
  { names: ['consent'], load: async () => [(await import('./commands/consent.js')).addConsentCommand] },
  { names: ['up'], load: async () => [(await import('./commands/up.js')).addUpCommand] },
  { names: ['worker'], load: async () => [(await import('./commands/worker.js')).addWorkerCommand] },
  {
    names: ['login', 'logout', 'whoami'],
    load: async () => [(await import('./commands/remote/login.js')).addLoginCommands],
  },
  { names: ['account'], load: async () => [(await import('./commands/remote/account.js')).addAccountCommands] },
  {
    names: ['break-glass'],
    load: async () => [(await import('./commands/remote/break-glass.js')).addBreakGlassCommands],
  },
  { names: ['user'], load: async () => [(await import('./commands/remote/user.js')).addUserCommands] },
  { names: ['workers'], load: async () => [(await import('./commands/remote/workers.js')).addWorkersCommands] },
  { names: ['project'], load: async () => [(await import('./commands/remote/project.js')).addProjectCommands] },
  { names: ['submit'], load: async () => [(await import('./commands/remote/submit.js')).addSubmitCommand] },
  { names: ['resubmit'], load: async () => [(await import('./commands/remote/resubmit.js')).addResubmitCommand] },
  {
    names: ['shots', 'watch', 'cancel', 'resume', 'release'],
    load: async () => [(await import('./commands/remote/shots.js')).addShotCommands],
  },
  {
    names: ['why', 'pause', 'unpause', 'retry', 'priority'],
    load: async () => [(await import('./commands/remote/scheduling.js')).addSchedulingCommands],
  },
  { names: ['batch'], load: async () => [(await import('./commands/remote/batch.js')).addBatchCommands] },
  { names: ['logs'], load: async () => [(await import('./commands/remote/logs.js')).addLogsCommand] },
  { names: ['webhook'], load: async () => [(await import('./commands/remote/webhook.js')).addWebhookCommands] },
  { names: ['lane'], load: async () => [(await import('./commands/remote/scheduling.js')).addLaneCommands] },
  { names: ['audit'], load: async () => [(await import('./commands/audit.js')).addAuditCommand] },
  { names: ['migrate'], load: async () => [(await import('./commands/migrate.js')).addMigrateCommand] },
  { names: ['models'], load: async () => [(await import('./commands/models.js')).addModelsCommands] },
  { names: ['doctor'], load: async () => [(await import('./commands/doctor.js')).addDoctorCommand] },
  { names: ['test'], load: async () => [(await import('./commands/test.js')).addTestCommand] },
  {
    names: ['bench'],
    load: async () => [
      (await import('./commands/bench/command.js')).addBenchCommand,
      (await import('./commands/bench-audit.js')).addBenchAuditCommand,
    ],
  },
];

const EXIT_CODES = `
Exit codes: 0 done, 1 internal error or failed tests, 2 wrong use, 3 consent or permission, 4 faces, 5 media,
6 environment (disk, ports, database, ffmpeg, models), 7 conflict, 8 cancelled.
An error is one line on standard error: a code, what is wrong, what to do. With --json it is also the last line of
standard output: { "error": { "code", "message", "details" } }.`;

/** @param called the first word of the call; for any that is no command (help, a misspelling) all are loaded. */
export async function createProgram(called?: string): Promise<Command> {
  const program = new Command('understudy')
    .description('A render farm for face replacement, where nothing renders without recorded consent.')
    .version('0.1.0')
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'error USAGE: ')) });
  const wanted = COMMAND_GROUPS.filter(({ names }) => called !== undefined && names.includes(called));
  for (const { load } of wanted.length > 0 ? wanted : COMMAND_GROUPS) for (const add of await load()) add(program);
  for (const command of program.commands) {
    command.exitOverride().copyInheritedSettings(program);
    for (const nested of command.commands) nested.exitOverride().copyInheritedSettings(program);
  }
  return program;
}
