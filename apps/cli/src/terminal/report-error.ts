import { toUnderstudyError, UnderstudyError } from '@understudy/contracts';
import { CommanderError } from 'commander';

/**
 * Says what went wrong in one line on standard error, and with `--json` as the last line of standard output.
 *
 * @returns the exit code.
 */
export function reportError(thrown: unknown, json: boolean): number {
  // Commander has said its own line; help and version are no errors.
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return 0;
    const usage = new UnderstudyError('USAGE', thrown.message.replace(/^error: /, ''));
    if (json) console.log(JSON.stringify(usage.toBody()));
    return usage.exitCode;
  }
  const error = toUnderstudyError(thrown);
  console.error(`error ${error.code}: ${error.message}`);
  if (error.code === 'INTERNAL' && error.cause instanceof Error) console.error(error.cause.stack);
  if (json) console.log(JSON.stringify(error.toBody()));
  return error.exitCode;
}
