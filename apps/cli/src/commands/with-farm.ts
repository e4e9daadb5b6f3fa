import { UnderstudyError } from '@understudy/contracts';
import { type LocalFarm, type LocalFarmOptions, startLocalFarm } from '../farm/local-farm.js';

/**
 * Runs work on a farm of its own, and takes the farm down whatever happens. When the farm breaks or the command is
 * interrupted, the work is given up with that reason.
 */
export async function withLocalFarm<T>(
  options: LocalFarmOptions,
  work: (farm: LocalFarm, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const given = new AbortController();
  const giveUp = (reason: unknown): void => given.abort(reason);
  const onInterrupt = (): void => giveUp(options.signal.reason);
  options.signal.addEventListener('abort', onInterrupt, { once: true });
  const farm = await startLocalFarm(options);
  let stopping = false;
  farm.broken.catch((reason: unknown) => {
    if (!stopping) giveUp(reason);
  });
  try {
    return await work(farm, given.signal);
  } catch (thrown) {
    // Whatever failed because of it, the reason for giving up is what a person wants to read.
    if (given.signal.aborted && given.signal.reason instanceof UnderstudyError) throw given.signal.reason;
    throw thrown;
  } finally {
    stopping = true;
    options.signal.removeEventListener('abort', onInterrupt);
    await farm.stop();
  }
}
