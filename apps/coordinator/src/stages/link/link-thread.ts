import { parentPort, workerData } from 'node:worker_threads';
import { toUnderstudyError } from '@understudy/contracts';
import { type LinkJob, linkObservations } from './link-observations.js';
import type { LinkAnswer } from './linker.js';

/** The program of the thread that links: one job, one answer. */
async function answer(): Promise<LinkAnswer> {
  try {
    return { tracks: await linkObservations(workerData as LinkJob) };
  } catch (thrown) {
    return toUnderstudyError(thrown).toBody();
  }
}

// A thread's port has no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(await answer());
