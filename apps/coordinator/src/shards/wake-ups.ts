import { EventEmitter, setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { Client } from 'pg';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER } from '../platform/tokens.js';
import { OUTBOX_CHANNEL, SHOT_CHANNEL } from '../stages/channels.js';

/** Told at commit when a task can be leased. */
export const TASKS_CHANNEL = 'understudy_tasks';
/** Told at commit, with the lane's id, when an order for it stands. */
export const ORDERS_CHANNEL = 'understudy_orders';
/** Told at commit, with the lane's id, when a person changed what it may do. */
export const LANES_CHANNEL = 'understudy_lanes';
/** Told at commit when a token or a worker changes. */
export const TOKENS_CHANNEL = 'understudy_tokens';
const CHANNELS = [TASKS_CHANNEL, ORDERS_CHANNEL, OUTBOX_CHANNEL, SHOT_CHANNEL, TOKENS_CHANNEL, LANES_CHANNEL];

const RECONNECT_MS = 500;

/** Remembers a wake-up that comes before anybody waits for it. Close it when done. */
export class Subscription {
  #woken = false;
  readonly #emitter: EventEmitter;
  readonly #name: string;
  readonly #onWake = (): void => void (this.#woken = true);

  constructor(emitter: EventEmitter, name: string) {
    this.#emitter = emitter;
    this.#name = name;
    emitter.on(name, this.#onWake);
  }

  /** Resolves at a wake-up since the last wait, after `ms`, or when the signal aborts; whichever comes first. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#emitter.off(this.#name, done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        this.#emitter.on(this.#name, done);
        signal.addEventListener('abort', done);
      });
    }
    this.#woken = false;
  }

  close(): void {
    this.#emitter.off(this.#name, this.#onWake);
  }
}

/**
 * Carries Postgres' notifications to requests that are held open. They only save time: whoever waits also looks by
 * itself now and then, so a lost one costs seconds, never work.
 */
@Injectable()
export class WakeUps implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #closing = new AbortController();
  readonly #told = new Map<string, number>();
  #client: Client | undefined;
  #listening = false;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // As many listen as requests are held.
    setMaxListeners(0, this.#closing.signal);
  }

  onApplicationBootstrap(): void {
    void this.#listen();
  }

  async onModuleDestroy(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end().catch(() => undefined);
  }

  /** Aborted when the coordinator goes down: held requests answer at once. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether Postgres' word arrives now. */
  get isListening(): boolean {
    return this.#listening;
  }

  /** How often a channel was told of so far, or may have been while nobody listened. */
  countOf(channel: string): number {
    return this.#told.get(channel) ?? 0;
  }

  /** Calls back at each wake-up of a channel, and whenever some may have been missed. @returns ends it */
  onEach(channel: string, call: () => void): () => void {
    this.#emitter.on(channel, call);
    return () => void this.#emitter.off(channel, call);
  }

  /** Wake-ups of a channel, or of one payload of it. */
  subscribe(channel: string, payload?: string): Subscription {
    return new Subscription(this.#emitter, payload === undefined ? channel : `${channel}:${payload}`);
  }

  async #listen(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#listenOnce();
      } catch (error) {
        if (!this.#closing.signal.aborted) this.logger.warn({ err: error }, 'notifications are interrupted');
      }
      await delay(RECONNECT_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  async #listenOnce(): Promise<void> {
    // A session of its own: a pooled connection would lose its LISTEN.
    const client = new Client({ connectionString: this.database.url, keepAlive: true, connectionTimeoutMillis: 5_000 });
    this.#client = client;
    const ended = new Promise<void>((resolve, reject) => {
      client.on('error', reject);
      client.on('end', () => resolve());
    });
    ended.catch(() => undefined);
    client.on('notification', ({ channel, payload }) => {
      this.#told.set(channel, this.countOf(channel) + 1);
      this.#emitter.emit(channel);
      if (payload) this.#emitter.emit(`${channel}:${payload}`);
    });
    try {
      await client.connect();
      for (const channel of CHANNELS) await client.query(`LISTEN ${channel}`);
      // What was told while nobody listened is looked for by everybody who waits.
      for (const channel of CHANNELS) this.#told.set(channel, this.countOf(channel) + 1);
      for (const name of this.#emitter.eventNames()) this.#emitter.emit(name);
      this.#listening = true;
      await ended;
    } finally {
      this.#listening = false;
      await client.end().catch(() => undefined);
    }
  }
}
