import { setTimeout as delay } from 'node:timers/promises';
import { type ServiceOptions, startService } from './service.js';

export interface KeptService {
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Keeps a process running: one that ends is started again, after a pause that doubles while it keeps failing. */
export async function keepService(options: ServiceOptions): Promise<KeptService> {
  let service = await startService(options);
  const stopping = new AbortController();
  const keep = async (): Promise<void> => {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopping.signal.aborted) {
      await service.ended;
      if (stopping.signal.aborted) return;
      process.stderr.write(`the ${options.name} has ended; starting it again (log: ${options.logPath})\n`);
      await delay(pauseMs, undefined, { signal: stopping.signal });
      try {
        service = await startService(options);
        pauseMs = FIRST_PAUSE_MS;
      } catch (thrown) {
        process.stderr.write(
          `the ${options.name} did not start: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
        );
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      }
    }
  };
  const kept = keep().catch((thrown: unknown) => {
    if (!stopping.signal.aborted) throw thrown;
  });
  return {
    stop: async () => {
      stopping.abort();
      await service.stop();
      await kept;
    },
  };
}
