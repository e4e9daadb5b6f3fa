import { UnderstudyError } from '@understudy/contracts';

/** Aborted by Ctrl-C or SIGTERM; a second one ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(8);
    process.stderr.write('\nstopping; once more to stop at once\n');
    controller.abort(new UnderstudyError('CANCELLED', `stopped by ${name}`));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  return controller.signal;
}
