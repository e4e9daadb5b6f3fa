import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { toUnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Logger } from './logger.js';
import type { Clock } from './tokens.js';

const READ_MS = 30_000;
/** While the database could not be asked yet. */
const RETRY_MS = 1_000;
/** A host's clock that is off by more is worth a line in the log. */
const TELL_MS = 2_000;

/** Milliseconds of the epoch, exact to the microsecond. */
const ASK = `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS "epochMs"`;

/**
 * The database's clock, carried on between two looks by one that nobody can set. All replicas of a coordinator go by it,
 * whatever their hosts' clocks say: an address that one of them signed holds at another, a consent ends everywhere at once.
 */
export class DatabaseClock implements Clock, OnModuleInit, OnModuleDestroy {
  /** What is added to this process's monotonic clock; undefined until the database was asked, and the host's goes. */
  #offsetMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly database: Pick<Database, 'query'>,
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  now(): Date {
    return this.#offsetMs === undefined ? new Date() : new Date(this.#offsetMs + this.monotonicMs());
  }

  async onModuleInit(): Promise<void> {
    await this.#readAndPlanNext();
    const offMs = Date.now() - this.now().getTime();
    if (Math.abs(offMs) > TELL_MS) {
      this.logger.warn({ offMs: Math.round(offMs) }, 'this host’s clock differs from the database’s, which is used');
    }
  }

  onModuleDestroy(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Asks once. A reading that agrees with what is known, within what the way there and back took, changes nothing. */
  async read(): Promise<void> {
    const askedMs = this.monotonicMs();
    const [row] = await this.database.query<{ epochMs: number }>(ASK);
    const answeredMs = this.monotonicMs();
    if (row === undefined) return;
    const offsetMs = row.epochMs - (askedMs + answeredMs) / 2;
    if (this.#offsetMs === undefined || Math.abs(offsetMs - this.#offsetMs) > answeredMs - askedMs) {
      this.#offsetMs = offsetMs;
    }
  }

  async #readAndPlanNext(): Promise<void> {
    await this.read().catch((thrown: unknown) => {
      this.logger.warn({ code: toUnderstudyError(thrown).code }, 'the database’s clock could not be read');
    });
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#readAndPlanNext(), this.#offsetMs === undefined ? RETRY_MS : READ_MS);
    this.#timer.unref();
  }
}
