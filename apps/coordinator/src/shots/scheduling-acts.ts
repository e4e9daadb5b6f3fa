import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type ShotState, UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { TASKS_CHANNEL } from '../shards/wake-ups.js';
import { StageTransitions } from '../stages/stage-transitions.js';
import { SchedulingRepository, type SchedulingVersion } from './scheduling.repository.js';
import type { ShotHead } from './shot-row.js';

/** States that a shot ends in; nothing of it will be leased. */
const OVER: readonly ShotState[] = ['ready', 'released', 'failed', 'cancelled', 'revoked'];

/** What a person does about a shot's place among the others. Each at once, in one transaction with its audit event. */
@Injectable()
export class SchedulingActs {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly repository: SchedulingRepository,
    private readonly transitions: StageTransitions,
    private readonly audit: AuditWriter,
  ) {}

  /** Pausing what is paused, and letting go on what goes on, is no error. @throws CONFLICT for a shot that is over */
  async pause(actor: Actor, head: ShotHead, paused: boolean, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const version = await this.#open(sql, head.id);
      if (paused === version.paused) return;
      await this.repository.pause(sql, version.id, paused);
      await this.#record(sql, actor, head, version, paused ? 'shot.paused' : 'shot.unpaused', {
        reason: personal(reason),
      });
    });
  }

  async prioritise(actor: Actor, head: ShotHead, asked: RouteInput<'setShotPriority'>['body']): Promise<void> {
    const { priority, yieldNow, reason } = asked;
    await this.database.hotTransaction(async (sql) => {
      const version = await this.#open(sql, head.id);
      await this.repository.setPriority(sql, version.id, priority);
      const yielded = yieldNow && !version.paused ? await this.repository.makeYield(sql, version.id, priority) : [];
      const data = { from: version.priority, to: priority, yielded, reason: personal(reason) };
      await this.#record(sql, actor, head, version, 'shot.prioritised', data);
    });
  }

  /**
   * A failed shot goes on where it stood: accepted work stays, the rest is to be done again by any lane.
   *
   * @throws UnderstudyError CONFLICT for a shot that has not failed
   */
  async retry(actor: Actor, head: ShotHead, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const version = await this.repository.newest(sql, head.id);
      if (version.state !== 'failed') {
        throw new UnderstudyError('CONFLICT', `The shot is ${version.state}; only a failed one is retried.`, {
          details: { state: version.state },
        });
      }
      const work = await this.repository.work(sql, version.id);
      const to = stateToRetry(work);
      await this.transitions.move(sql, {
        shotVersionId: version.id,
        from: ['failed'],
        to,
        actor: actor.label,
        patch: { errorCode: null, errorMessage: null, errorDetails: null },
        data: { retried: true, reason: personal(reason) },
      });
      await this.repository.unlockDelivery(sql, version.id);
      await this.repository.reopenTasks(sql, version.id, to === 'analysing' ? 'analyse' : 'render');
    });
  }

  async #open(sql: Sql, shotId: string): Promise<SchedulingVersion> {
    const version = await this.repository.newest(sql, shotId);
    if (!OVER.includes(version.state)) return version;
    throw new UnderstudyError('CONFLICT', `The shot is ${version.state}; no lane works on it any more.`, {
      details: { state: version.state },
    });
  }

  async #record(
    sql: Sql,
    actor: Actor,
    { id: shotId, projectId }: ShotHead,
    version: SchedulingVersion,
    action: string,
    data: Record<string, unknown>,
  ): Promise<void> {
    const subject = { subjectType: 'ShotVersion', subjectId: version.id, projectId, shotId };
    await this.audit.append(sql, { actor: actor.label, action, ...subject, data });
    await this.transitions.announce(sql, shotId);
    await sql.query(`SELECT pg_notify($1, '')::text`, [TASKS_CHANNEL]);
  }
}

/** Where a shot goes on, by what it has of each kind of task and how much of that is open. */
function stateToRetry({ analyse, render }: { analyse: Open; render: Open }): ShotState {
  if (render.total > 0) return render.open > 0 ? 'rendering' : 'assembling';
  if (analyse.total > 0) return analyse.open > 0 ? 'analysing' : 'linking';
  return 'ingesting';
}

export interface Open {
  readonly total: number;
  readonly open: number;
}
