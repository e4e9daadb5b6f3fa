import { setTimeout as delay } from 'node:timers/promises';
import type { IQueueBackend } from 'bullmq';

/**
 * Makes a worker's backend wait before it tells that no job could be fetched. BullMQ waits by itself only where a
 * connection is refused; after one that is reset, or with a server that is just starting or full, it asks again at once,
 * hundreds of times a second.
 */
export function patientBackend<Backend extends Pick<IQueueBackend, 'moveToActive'>>(
  backend: Backend,
  pauseMs: number,
): Backend {
  const moveToActive = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...request) => {
    try {
      return await moveToActive(...request);
    } catch (thrown) {
      await delay(pauseMs);
      throw thrown;
    }
  };
  return backend;
}
