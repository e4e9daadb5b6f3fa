import { Inject, Injectable } from '@nestjs/common';
import { type AuditErasure, type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { alteredRows, type Database, personal, RecordSeals, type Sql } from '@understudy/db';
import { ERASED } from '@understudy/tlog';
import type { Actor } from '../access/actor.js';
import { notFound, requireOn } from '../access/require-on.js';
import { toDecide } from '../access/two-people.js';
import { pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { AuditWriter } from './audit-writer.js';
import { ErasureRepository, type ErasureRow, MOST_EVENTS, type WaitingErasure } from './erasure.repository.js';

/**
 * Deletes what people typed into events: asked for by one person, for these very events, and approved by another. The events,
 * their places and every proof stay as they are; that it was done, by whom and to which events is an event itself.
 */
@Injectable()
export class Erasures {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly erasures: ErasureRepository,
    private readonly seals: RecordSeals,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * @throws UnderstudyError NOT_FOUND for a project or an event that is not there or not theirs, CONFLICT where nothing is left
   * to erase, INVALID_REQUEST for more than 1,000 events at once
   */
  async ask(actor: Actor, asked: RouteInput<'askErasure'>['body']): Promise<AuditErasure> {
    const { projectId, reason } = asked;
    requireOn(actor, 'create', 'AuditErasure', { projectId });
    return this.database.hotTransaction(async (sql) => {
      if (projectId !== null && !(await this.erasures.isProject(sql, projectId))) throw notFound('project');
      if (!(await this.erasures.areOf(sql, projectId, asked.eventIds))) throw notFound('event');
      const eventIds = await this.erasures.eventsWithOpenings(sql, asked);
      if (eventIds.length === 0) throw new UnderstudyError('CONFLICT', 'Nothing that people typed is left there.');
      if (eventIds.length > MOST_EVENTS) {
        throw new UnderstudyError(
          'INVALID_REQUEST',
          `More than ${MOST_EVENTS} events at once: name some of them by id.`,
        );
      }
      const row = await this.erasures.make(sql, { projectId, eventIds, reason, askedBy: actor.id });
      const data = { events: eventIds.length, reason: personal(reason) };
      await this.#note(sql, actor, 'personal_data.erasure_asked', row, data);
      return view(row, null);
    });
  }

  /** Those that wait. */
  async list(actor: Actor, query: RouteInput<'listErasures'>['query']): Promise<RouteOutput<'listErasures'>> {
    return pageOf(await this.erasures.waiting(actor, query), query, (row) => view(row, null));
  }

  /** @throws UnderstudyError NOT_FOUND, FORBIDDEN for who asked, CONFLICT when it is decided or over, RECORD_ALTERED */
  async approve(actor: Actor, erasureId: string): Promise<AuditErasure> {
    return this.database.hotTransaction(async (sql) => {
      const row = await this.#held(sql, actor, 'activate', erasureId);
      if ((await alteredRows(sql, this.seals, 'audit_erasures', [erasureId])).length > 0) {
        throw new UnderstudyError('RECORD_ALTERED', 'What was asked for was changed past the service: ask anew.');
      }
      await this.erasures.decide(sql, erasureId, 'approved_by', actor.id);
      const fields = await this.erasures.erase(sql, row);
      const data = { events: row.eventIds, fields, askedBy: row.askedBy };
      await this.#note(sql, actor, ERASED, row, data);
      return view(row, fields);
    });
  }

  /** By anybody who might approve it, who asked for it too. @throws UnderstudyError NOT_FOUND, CONFLICT */
  async decline(actor: Actor, erasureId: string, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const row = await this.#held(sql, actor, 'decline', erasureId);
      await this.erasures.decide(sql, erasureId, 'declined_by', actor.id);
      await this.#note(sql, actor, 'personal_data.erasure_declined', row, { reason: personal(reason) });
    });
  }

  async #held(sql: Sql, actor: Actor, action: 'activate' | 'decline', erasureId: string): Promise<ErasureRow> {
    const row = await this.erasures.hold(sql, erasureId);
    return toDecide(actor, row, { action, subject: 'AuditErasure', what: 'erasure' });
  }

  async #note(
    sql: Sql,
    actor: Actor,
    action: string,
    { id, projectId }: ErasureRow,
    data: Record<string, unknown>,
  ): Promise<void> {
    const subject = { subjectType: 'AuditErasure', subjectId: id, projectId };
    await this.audit.append(sql, { actor: actor.label, action, ...subject, data });
  }
}

function view(row: WaitingErasure, erased: number | null): AuditErasure {
  const { id, projectId, eventIds, reason, askedBy, createdAt, expiresAt } = row;
  const instants = { createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
  return { id, projectId, eventIds, reason, askedBy, ...instants, erased };
}
