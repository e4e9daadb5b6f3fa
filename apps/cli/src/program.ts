import { Command } from 'commander';
import { addAuditCommand } from './commands/audit.js';
import { addBenchAuditCommand } from './commands/bench-audit.js';
import { addBenchCommand } from './commands/bench/command.js';
import { addConsentCommand } from './commands/consent.js';
import { addDemoCommand } from './commands/demo.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addMigrateCommand } from './commands/migrate.js';
import { addModelsCommands } from './commands/models.js';
import { addAccountCommands } from './commands/remote/account.js';
import { addBatchCommands } from './commands/remote/batch.js';
import { addBreakGlassCommands } from './commands/remote/break-glass.js';
import { addLoginCommands } from './commands/remote/login.js';
import { addLogsCommand } from './commands/remote/logs.js';
import { addProjectCommands } from './commands/remote/project.js';
import { addResubmitCommand } from './commands/remote/resubmit.js';
import { addLaneCommands, addSchedulingCommands } from './commands/remote/scheduling.js';
import { addShotCommands } from './commands/remote/shots.js';
import { addSubmitCommand } from './commands/remote/submit.js';
import { addUserCommands } from './commands/remote/user.js';
import { addWorkersCommands } from './commands/remote/workers.js';
import { addWebhookCommands } from './commands/remote/webhook.js';
import { addRenderCommand } from './commands/render.js';
import { addTestCommand } from './commands/test.js';
import { addUpCommand } from './commands/up.js';
import { addWorkerCommand } from './commands/worker.js';

const EXIT_CODES = `
Exit codes: 0 done, 1 internal error or failed tests, 2 wrong use, 3 consent or permission, 4 faces, 5 media,
6 environment (disk, ports, database, ffmpeg, models), 7 conflict, 8 cancelled.
An error is one line on standard error: a code, what is wrong, what to do. With --json it is also the last line of
standard output: { "error": { "code", "message", "details" } }.`;

export function createProgram(): Command {
  const program = new Command('understudy')
    .description('A render farm for face replacement, where nothing renders without recorded consent.')
    .version('0.1.0')
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'error USAGE: ')) });
  for (const add of [
    addDemoCommand,
    addRenderCommand,
    addConsentCommand,
    addUpCommand,
    addWorkerCommand,
    addLoginCommands,
    addAccountCommands,
    addBreakGlassCommands,
    addUserCommands,
    addWorkersCommands,
    addProjectCommands,
    addSubmitCommand,
    addResubmitCommand,
    addShotCommands,
    addSchedulingCommands,
    addBatchCommands,
    addLogsCommand,
    addWebhookCommands,
    addLaneCommands,
    addAuditCommand,
    addMigrateCommand,
    addModelsCommands,
    addDoctorCommand,
    addTestCommand,
    addBenchCommand,
    addBenchAuditCommand,
  ])
    add(program);
  for (const command of program.commands) {
    command.exitOverride().copyInheritedSettings(program);
    for (const nested of command.commands) nested.exitOverride().copyInheritedSettings(program);
  }
  return program;
}
