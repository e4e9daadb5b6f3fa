import { Injectable } from '@nestjs/common';
import { type BatchActed, type RouteInput, UnderstudyError } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { SchedulingActs } from './scheduling-acts.js';
import { ShotActs } from './shot-acts.js';
import type { ShotHead } from './shot-row.js';

/**
 * The acts on a shot, on each of a batch. Every shot is a transaction of its own, with its own line in the audit log;
 * what breaks off in the middle is finished by doing it again.
 */
@Injectable()
export class BatchActs {
  constructor(
    private readonly scheduling: SchedulingActs,
    private readonly acts: ShotActs,
  ) {}

  async pause(actor: Actor, heads: readonly ShotHead[], paused: boolean, reason: string): Promise<BatchActed> {
    return await each(heads, (head) => this.scheduling.pause(actor, head, paused, reason));
  }

  async prioritise(
    actor: Actor,
    heads: readonly ShotHead[],
    asked: RouteInput<'setBatchPriority'>['body'],
  ): Promise<BatchActed> {
    return await each(heads, (head) => this.scheduling.prioritise(actor, head, asked));
  }

  async cancel(actor: Actor, heads: readonly ShotHead[], reason: string): Promise<BatchActed> {
    return await each(heads, (head) => this.acts.cancel(actor, head.id, reason));
  }
}

/** Shots that have ended are left as they are. */
async function each(heads: readonly ShotHead[], act: (head: ShotHead) => Promise<void>): Promise<BatchActed> {
  let acted = 0;
  for (const head of heads) {
    try {
      await act(head);
      acted += 1;
    } catch (thrown) {
      if (!hasEnded(thrown)) throw thrown;
    }
  }
  return { acted, left: heads.length - acted };
}

function hasEnded(thrown: unknown): boolean {
  return thrown instanceof UnderstudyError && (thrown.code === 'CONFLICT' || thrown.code === 'NOT_CANCELLABLE');
}
