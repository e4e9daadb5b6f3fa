import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Actor } from '../access/actor.js';
import { type Clock, CLOCK } from '../platform/tokens.js';
import { TOKENS_CHANNEL, WakeUps } from '../shards/wake-ups.js';

/** For so long a worker's token is taken for what it was. */
const KEPT_MS = 5_000;
const MOST_KEPT = 10_000;

/**
 * Workers that showed their token a moment ago, by its hash. Postgres tells of every change to a token or a worker, and then
 * all are forgotten; while nobody listens to it, nothing is kept. So a revocation acts at once, and at worst, when that
 * word is lost, after seconds.
 */
@Injectable()
export class WorkerTokens implements OnModuleInit, OnModuleDestroy {
  readonly #kept = new Map<string, { actor: Actor; untilMs: number }>();
  #stop: (() => void) | undefined;

  constructor(
    private readonly wakeUps: WakeUps,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#stop = this.wakeUps.onEach(TOKENS_CHANNEL, () => this.#kept.clear());
  }

  onModuleDestroy(): void {
    this.#stop?.();
  }

  find(tokenHash: string): Actor | undefined {
    const kept = this.#kept.get(tokenHash);
    if (kept === undefined || !this.wakeUps.isListening) return undefined;
    if (kept.untilMs > this.clock.now().getTime()) return kept.actor;
    this.#kept.delete(tokenHash);
    return undefined;
  }

  /** @param asked when the database was asked: what it said before the last change is not kept */
  keep(tokenHash: string, actor: Actor, asked: number): void {
    if (actor.kind !== 'worker' || !this.wakeUps.isListening || this.changes !== asked) return;
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(tokenHash, { actor, untilMs: this.clock.now().getTime() + KEPT_MS });
  }

  /** Grows with each change; read it before the database is asked. */
  get changes(): number {
    return this.wakeUps.countOf(TOKENS_CHANNEL);
  }
}
