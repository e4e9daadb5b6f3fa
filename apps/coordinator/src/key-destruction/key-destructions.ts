import { Inject, Injectable } from '@nestjs/common';
import {
  type KeyDestruction,
  projectKeyDestroyed,
  type RouteInput,
  type RouteOutput,
  UnderstudyError,
} from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { notFound, requireOn } from '../access/require-on.js';
import { toDecide } from '../access/two-people.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { ShotWithdrawal } from '../consents/shot-withdrawal.js';
import { pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { DestroyedProjects } from './destroyed-projects.js';
import { KeyDestructionRepository, type KeyDestructionRow } from './key-destruction.repository.js';

/** Two people decide that a project ends, and with its key everything that was sealed under it. */
@Injectable()
export class KeyDestructions {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly destructions: KeyDestructionRepository,
    private readonly destroyed: DestroyedProjects,
    private readonly shots: ShotWithdrawal,
    private readonly tasks: TaskWriter,
    private readonly audit: AuditWriter,
  ) {}

  async list(
    actor: Actor,
    query: RouteInput<'listKeyDestructions'>['query'],
  ): Promise<RouteOutput<'listKeyDestructions'>> {
    return pageOf(await this.destructions.list(actor, query), query, view);
  }

  /**
   * @throws UnderstudyError NOT_FOUND, INVALID_REQUEST where the name is not the project's, CONFLICT where it was asked for,
   * PROJECT_KEY_DESTROYED
   */
  async ask(
    actor: Actor,
    projectId: string,
    { project, reason }: RouteInput<'askKeyDestruction'>['body'],
  ): Promise<KeyDestruction> {
    requireOn(actor, 'create', 'KeyDestruction', { projectId });
    return await this.database.hotTransaction(async (sql) => {
      const found = await this.destructions.projectNamed(sql, projectId);
      if (found === undefined) throw notFound('project');
      if (found.name !== project) {
        throw new UnderstudyError('INVALID_REQUEST', `This project is called ${found.name}; say so, if it is the one.`);
      }
      if (found.isDestroyed) throw projectKeyDestroyed();
      if (await this.destructions.isWaiting(sql, projectId)) {
        throw new UnderstudyError(
          'CONFLICT',
          'It was asked for already: somebody else approves it, or anybody declines it.',
        );
      }
      const row = await this.destructions.make(sql, { projectId, reason, askedBy: actor.id });
      await this.#note(sql, actor, 'key_destruction.asked', row, { reason: personal(reason) });
      return view(row);
    });
  }

  /**
   * Answers once the key is gone; what it had sealed is taken away after.
   *
   * @throws UnderstudyError NOT_FOUND, FORBIDDEN for who asked, CONFLICT when it is decided or over, RECORD_ALTERED;
   * LOG_BEHIND_ANCHOR where it is decided, and carried out once the log takes it
   */
  async approve(actor: Actor, keyDestructionId: string): Promise<KeyDestruction> {
    const approved = await this.database.hotTransaction(async (sql) => {
      const row = await this.#held(sql, actor, 'activate', keyDestructionId);
      await this.destructions.requireOwn(sql, row.id);
      await this.destructions.decide(sql, row.id, 'approved_by', actor.id);
      await this.#endProject(sql, actor, row);
      return await this.destructions.get(sql, row.id);
    });
    await this.destroyed.destroyKey(approved);
    this.destroyed.sweepSoon();
    return view(approved);
  }

  /** By anybody who might approve it, who asked for it too. @throws UnderstudyError NOT_FOUND, CONFLICT */
  async decline(actor: Actor, keyDestructionId: string, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const row = await this.#held(sql, actor, 'decline', keyDestructionId);
      await this.destructions.decide(sql, row.id, 'declined_by', actor.id);
      await this.#note(sql, actor, 'key_destruction.declined', row, { reason: personal(reason) });
    });
  }

  /** Versions are locked before the project, as whoever moves one does; and again after it, for what came in between. */
  async #endProject(sql: Sql, actor: Actor, row: KeyDestructionRow): Promise<void> {
    const { id: keyDestructionId, projectId, askedBy } = row;
    await this.shots.lockProject(sql, projectId);
    await this.destructions.endProject(sql, projectId);
    const versions = await this.shots.lockProject(sql, projectId);
    // In the log no lease stands after the end.
    await this.tasks.lockOpen(sql, projectId);
    const shotVersions = versions.map(({ shotVersionId }) => shotVersionId);
    await this.#note(sql, actor, 'key_destruction.approved', row, { askedBy, shotVersions });
    const { code, message } = projectKeyDestroyed();
    const data = { keyDestructionId };
    await this.shots.withdraw(sql, actor.label, versions, { errorCode: code, errorMessage: message, data });
    await this.tasks.cancelEnrolments(sql, projectId);
  }

  async #held(sql: Sql, actor: Actor, action: 'activate' | 'decline', id: string): Promise<KeyDestructionRow> {
    const row = await this.destructions.hold(sql, id);
    return toDecide(actor, row, { action, subject: 'KeyDestruction', what: 'key destruction' });
  }

  async #note(
    sql: Sql,
    actor: Actor,
    action: string,
    { id, projectId }: KeyDestructionRow,
    data: Record<string, unknown>,
  ): Promise<void> {
    const subject = { subjectType: 'KeyDestruction', subjectId: id, projectId };
    await this.audit.append(sql, { actor: actor.label, action, ...subject, data });
  }
}

function view(row: Omit<KeyDestructionRow, 'isWaiting'>): KeyDestruction {
  const { id, projectId, project, reason, askedBy, createdAt, expiresAt, approvedBy, decidedAt, usedAt } = row;
  return {
    ...{ id, projectId, project, reason, askedBy },
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    approvedAt: approvedBy === null ? null : (decidedAt?.toISOString() ?? null),
    certifiedAt: usedAt?.toISOString() ?? null,
  };
}
