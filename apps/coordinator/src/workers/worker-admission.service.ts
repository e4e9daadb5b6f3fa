import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE } from '../platform/tokens.js';
import { LANES_CHANNEL, ORDERS_CHANNEL } from '../shards/wake-ups.js';

interface Held {
  readonly tied: boolean;
  readonly projects: string[];
  readonly createdBy: string;
  readonly askedBy: string | null;
  readonly isAwaited: boolean;
}

const HOLD = `
  SELECT tied, projects::text[] AS projects, created_by AS "createdBy", asked_by AS "askedBy", needs_approval AND approved_by IS NULL AS "isAwaited"
  FROM workers WHERE id = $1 AND disabled_at IS NULL FOR UPDATE`;

const TIE = `
  UPDATE workers SET tied = $2::uuid[] IS NOT NULL, projects = coalesce($2::uuid[], '{}'),
    needs_approval = needs_approval OR $3, approved_by = CASE WHEN $3 THEN NULL ELSE approved_by END,
    asked_by = CASE WHEN $3 THEN $4::uuid ELSE asked_by END
  WHERE id = $1`;

/** What it may not see any more it hands back; it learns so at once. */
const HAND_BACK = `
  WITH told AS (
    UPDATE attempts a SET "order" = 'stop'
    FROM lanes l, workers w, tasks t
    WHERE l.id = a.lane_id AND w.id = l.worker_id AND t.id = a.task_id AND w.id = $1 AND a.state = 'running' AND a."order" IS NULL
      AND w.tied AND NOT coalesce(t.project_id = ANY (w.projects), false)
    RETURNING a.id, a.lane_id)
  SELECT id, pg_notify($2, lane_id::text)::text FROM told`;

/** Which workers are let in, and whose work they may see. */
@Injectable()
export class WorkerAdmission {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * Lets in the worker, where it waits, and those of its keys that are named; what is not named was not looked at.
   *
   * @throws UnderstudyError NOT_FOUND also for a key that does not wait, CONFLICT when nothing waits, FORBIDDEN for who asked,
   *   and of keys for who made the worker
   */
  async approve(actor: Actor, workerId: string, fingerprints: readonly string[]): Promise<void> {
    await this.change(
      actor,
      workerId,
      'worker.approved',
      async (sql, { createdBy, askedBy, isAwaited, tied, projects }) => {
        if (!isAwaited && fingerprints.length === 0) {
          throw new UnderstudyError('CONFLICT', 'This worker waits for no approval, or only its keys do: name them.');
        }
        const [isAsker, isMaker] = [askedBy === actor.id, createdBy === actor.id && fingerprints.length > 0];
        if (this.config.ACCOUNTS === 'strict' && (isAsker || isMaker)) {
          throw new UnderstudyError(
            'FORBIDDEN',
            'Another person approves it than who asked for it, and its keys than who made it.',
          );
        }
        if (isAwaited) await sql.query('UPDATE workers SET approved_by = $2 WHERE id = $1', [workerId, actor.id]);
        await this.approveKeys(sql, actor, workerId, fingerprints);
        return { askedBy, projects: tied ? projects : null, keys: fingerprints };
      },
    );
  }

  /** What it opened ends too. @throws UnderstudyError NOT_FOUND */
  async endKey(actor: Actor, workerId: string, keyId: string, reason: string): Promise<void> {
    await this.change(actor, workerId, 'worker.key_ended', async (sql) => {
      const [ended] = await sql.query<{ fingerprint: string }>(
        `UPDATE worker_keys SET revoked_at = now() WHERE id = $1 AND worker_id = $2 AND revoked_at IS NULL
         RETURNING fingerprint`,
        [keyId, workerId],
      );
      if (ended === undefined) throw notFound('key of this worker');
      return { fingerprint: ended.fingerprint, reason: personal(reason) };
    });
  }

  private async approveKeys(sql: Sql, actor: Actor, workerId: string, fingerprints: readonly string[]): Promise<void> {
    const wanted = [...new Set(fingerprints)];
    const rows = await sql.query(
      `UPDATE worker_keys SET approved_at = now(), approved_by = $2
       WHERE worker_id = $1 AND fingerprint = ANY ($3) AND approved_at IS NULL AND revoked_at IS NULL RETURNING id`,
      [workerId, actor.id, wanted],
    );
    if (rows.length < wanted.length) throw notFound('key that waits');
  }

  /**
   * @param projectIds null for the work of any project
   * @returns `pending` when it is to see more than before and another person has to approve that
   * @throws UnderstudyError NOT_FOUND
   */
  async tie(actor: Actor, workerId: string, projectIds: readonly string[] | null): Promise<'given' | 'pending'> {
    const wanted = projectIds === null ? null : [...new Set(projectIds)].toSorted();
    let pending = false;
    await this.change(actor, workerId, 'worker.projects_set', async (sql, { tied, projects }) => {
      const isMore = tied && !(wanted !== null && wanted.every((id) => projects.includes(id)));
      pending = isMore && this.config.ACCOUNTS === 'strict';
      if (wanted !== null) await this.requireProjects(sql, wanted);
      await sql.query(TIE, [workerId, wanted, pending, actor.id]);
      const stopped = await sql.query<{ id: string }>(HAND_BACK, [workerId, ORDERS_CHANNEL]);
      return { projects: wanted, pending, attempts: stopped.map(({ id }) => id) };
    });
    return pending ? 'pending' : 'given';
  }

  /** Its leases end with their time. @throws UnderstudyError NOT_FOUND */
  async disable(actor: Actor, workerId: string, reason: string): Promise<void> {
    await this.change(actor, workerId, 'worker.disabled', async (sql) => {
      await sql.query('UPDATE workers SET disabled_at = now() WHERE id = $1', [workerId]);
      return { reason: personal(reason) };
    });
  }

  private async change(
    actor: Actor,
    workerId: string,
    action: string,
    work: (sql: Sql, held: Held) => Promise<Record<string, unknown>>,
  ): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const [held] = await sql.query<Held>(HOLD, [workerId]);
      if (held === undefined) throw notFound('worker');
      const data = await work(sql, held);
      const subject = { subjectType: 'Worker', subjectId: workerId };
      await this.audit.append(sql, { actor: actor.label, action, ...subject, data });
      // A request that one of its lanes holds open ends, and the next one sees the change.
      await sql.query('SELECT pg_notify($2, id::text)::text FROM lanes WHERE worker_id = $1', [
        workerId,
        LANES_CHANNEL,
      ]);
    });
  }

  private async requireProjects(sql: Sql, ids: readonly string[]): Promise<void> {
    const rows = await sql.query('SELECT id FROM projects WHERE id = ANY ($1::uuid[])', [ids]);
    if (rows.length < ids.length) throw notFound('project');
  }
}
