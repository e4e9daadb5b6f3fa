import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Injectable } from '@nestjs/common';
import { type ErrorBody, UnderstudyError } from '@understudy/contracts';
import type { AnalysisTrack } from '../analysis.repository.js';
import type { LinkJob } from './link-observations.js';

export type LinkAnswer = { readonly tracks: AnalysisTrack[] } | ErrorBody;

/**
 * Links in a thread of its own: ten minutes of two faces take many seconds (measured: 18 s on a busy core), during which
 * this one must go on to answer heartbeats.
 */
@Injectable()
export class Linker {
  /** @throws UnderstudyError as `linkObservations` does */
  async link(job: LinkJob): Promise<AnalysisTrack[]> {
    const thread = new Worker(new URL('link-thread.js', import.meta.url), { workerData: job });
    try {
      // A thread that fails without an answer emits `error`, which `once` throws.
      const [answer] = (await once(thread, 'message')) as [LinkAnswer];
      if ('tracks' in answer) return answer.tracks;
      const { code, message, details } = answer.error;
      throw new UnderstudyError(code, message, details === undefined ? {} : { details });
    } finally {
      await thread.terminate();
    }
  }
}
