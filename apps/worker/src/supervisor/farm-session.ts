import type { Client } from '@understudy/client/node';
import { toUnderstudyError, type UnderstudyError, workerSessionMessage } from '@understudy/contracts';

import { isPassing } from '../lane/failure.js';
import { pause } from '../lane/lease-keeper.js';
import type { LaneLog } from '../log.js';
import type { WorkerKey } from './worker-key.js';

export interface FarmSessionOptions {
  /** Bears the worker's own token, which is good for this alone. */
  readonly client: Pick<Client, 'call'>;
  readonly key: WorkerKey;
  readonly log: LaneLog;
  /** Told of each token; the one before ends soon. */
  readonly onToken: (token: string) => void;
  /** This worker is let in no more. */
  readonly onShutOut: (error: UnderstudyError) => void;
  readonly pauseMs?: number;
}

const PAUSE_MS = 5_000;
/** A token is replaced when this part of its time is over: what is left bears an outage. */
const REPLACED_AFTER = 1 / 3;

/** What the worker's lanes speak to the coordinator with: a token for some minutes, which the host's key opens. */
export class FarmSession {
  readonly #options: FarmSessionOptions;
  readonly #ending = new AbortController();
  #token = '';
  #replacing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FarmSessionOptions) {
    this.#options = options;
  }

  /** Of now; empty before {@link open}. */
  get token(): string {
    return this.#token;
  }

  /**
   * Waits for the coordinator, and until somebody has approved the key.
   *
   * @returns false when it was closed meanwhile
   * @throws UnderstudyError for a token that opens nothing
   */
  async open(): Promise<boolean> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await this.#take();
        return true;
      } catch (thrown) {
        const error = toUnderstudyError(thrown);
        if (signal.aborted) return false;
        if (!isWorthWaiting(error)) throw error;
        this.#options.log.warn({ code: error.code, fingerprint: this.#options.key.fingerprint }, error.message);
        await pause(this.#options.pauseMs ?? PAUSE_MS, signal);
      }
    }
    return false;
  }

  /** A lane was refused with a token: with the newest it is worth another try. */
  async refused(token: string): Promise<void> {
    if (token !== this.#token) return this.#options.onToken(this.#token);
    await this.#replace();
  }

  close(): void {
    this.#ending.abort();
    clearTimeout(this.#timer);
  }

  /** One at a time, whoever asks. */
  #replace(): Promise<void> {
    this.#replacing ??= this.open()
      .then(
        () => {},
        (thrown: unknown) => this.#options.onShutOut(toUnderstudyError(thrown)),
      )
      .finally(() => (this.#replacing = undefined));
    return this.#replacing;
  }

  async #take(): Promise<void> {
    const { client, key, onToken } = this.#options;
    const { signal } = this.#ending;
    const { challenge } = await client.call('challengeWorker', {}, { signal });
    const { publicKey } = key;
    const signature = key.sign(workerSessionMessage(challenge, publicKey));
    const session = await client.call('openWorkerSession', { body: { publicKey, challenge, signature } }, { signal });
    this.#token = session.secret;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#replace(), session.validSeconds * 1000 * REPLACED_AFTER);
    this.#timer.unref();
    onToken(session.secret);
  }
}

/** A person may approve the key yet; an answer that came too late is asked for again. */
function isWorthWaiting(error: UnderstudyError): boolean {
  return isPassing(error) || error.code === 'WORKER_NOT_APPROVED' || error.code === 'CREDENTIALS_REFUSED';
}
