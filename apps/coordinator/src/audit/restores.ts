import { Inject, Injectable } from '@nestjs/common';
import { type Restore, UnderstudyError } from '@understudy/contracts';
import { alteredRows, type Database, personal, RecordSeals, type Sql } from '@understudy/db';
import type { SignedCheckpoint } from '@understudy/tlog';
import type { Actor } from '../access/actor.js';
import { DATABASE } from '../platform/tokens.js';
import { Anchor } from './anchor.js';
import { AnchorHold } from './anchor-hold.js';
import { AuditWriter } from './audit-writer.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { type Heads, type RestoreRow, RestoreRepository } from './restore.repository.js';
import { SequencerLoop } from './sequencer-loop.js';

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');

/**
 * Lets a restored database go on: an org admin and a compliance auditor say so, one after the other, of this very difference
 * between what was anchored and what is there. The old anchors stay as they are, and the log tells of both heads.
 */
@Injectable()
export class Restores {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly anchor: Anchor,
    private readonly hold: AnchorHold,
    private readonly loop: SequencerLoop,
    private readonly checkpoints: AuditCheckpoints,
    private readonly restores: RestoreRepository,
    private readonly seals: RecordSeals,
    private readonly audit: AuditWriter,
  ) {}

  async standing(): Promise<Restore> {
    const anchored = await this.anchor.head();
    const { size, rootHash } = await this.checkpoints.newest();
    const log = { size, rootHash };
    const outside = anchored === null ? null : { size: anchored.size, rootHash: hex(anchored.root) };
    const held = this.hold.reason;
    const row = held === null || outside === null ? undefined : await this.restores.waiting({ anchored: outside, log });
    const asked =
      row === undefined ? null : { by: row.askedBy, reason: row.reason, expiresAt: row.expiresAt.toISOString() };
    return { held, anchored: outside, log, asked };
  }

  /** Asking again changes nothing. @throws UnderstudyError CONFLICT where nothing is held, or somebody else has asked */
  async ask(actor: Actor, reason: string): Promise<Restore> {
    const { heads } = await this.#difference();
    await this.database.hotTransaction(async (sql) => {
      const waiting = await this.restores.hold(sql, heads);
      if (waiting !== undefined) {
        if (waiting.askedBy === actor.id) return;
        throw new UnderstudyError('CONFLICT', 'Somebody has asked for this already: accept it.');
      }
      await this.restores.make(sql, heads, reason, actor.id);
      await this.#note(sql, actor, 'log.restore_asked', { ...heads, reason: personal(reason) });
    });
    return this.standing();
  }

  /**
   * Answers once leases are given again. Where that broke off after the decision, accepting again brings it to its end.
   *
   * @throws UnderstudyError CONFLICT where nothing is held or nobody asked, FORBIDDEN for who asked and without the two roles,
   * RECORD_ALTERED
   */
  async accept(actor: Actor, reason: string): Promise<Restore> {
    const { heads, anchored } = await this.#difference();
    const id = await this.database.hotTransaction(async (sql) => {
      const asked = await this.restores.hold(sql, heads);
      if (asked === undefined) {
        throw new UnderstudyError(
          'CONFLICT',
          'Nobody has asked for this; somebody does, then another person accepts it.',
        );
      }
      await this.#requireTheOther(sql, asked, actor);
      if (asked.approvedBy !== null) return asked.id;
      await this.restores.approve(sql, asked.id, actor.id);
      const data = { ...heads, askedBy: asked.askedBy, reason: personal(reason) };
      await this.#note(sql, actor, 'log.restore_accepted', data);
      return asked.id;
    });
    await this.anchor.beginAnew(anchored);
    await this.restores.finish(id);
    await this.loop.turn({ wait: true });
    return this.standing();
  }

  async #difference(): Promise<{ heads: Heads; anchored: SignedCheckpoint }> {
    const anchored = await this.anchor.head();
    if (this.hold.reason === null || anchored === null) {
      throw new UnderstudyError('CONFLICT', 'The log and its anchor agree; there is nothing to accept.');
    }
    const { size, rootHash } = await this.checkpoints.newest();
    const heads = { anchored: { size: anchored.size, rootHash: hex(anchored.root) }, log: { size, rootHash } };
    return { heads, anchored };
  }

  async #requireTheOther(sql: Sql, { id, askedBy }: RestoreRow, actor: Actor): Promise<void> {
    if (askedBy === actor.id) throw new UnderstudyError('FORBIDDEN', 'Another person accepts it than who asked.');
    const altered = [
      ...(await alteredRows(sql, this.seals, 'restore_acceptances', [id])),
      ...(await alteredRows(sql, this.seals, 'users', [askedBy])),
      ...(await alteredRows(sql, this.seals, 'memberships', [askedBy])),
    ];
    if (altered.length > 0) {
      throw new UnderstudyError('RECORD_ALTERED', 'Who asked, or what for, was changed past the service.');
    }
    const one = await this.restores.rolesOf(sql, askedBy);
    const isAdmin = actor.farmRoles.includes('org_admin');
    const isAuditor = actor.memberships.some(({ role }) => role === 'compliance_auditor');
    if ((one.isAdmin && isAuditor) || (one.isAuditor && isAdmin)) return;
    throw new UnderstudyError('FORBIDDEN', 'One of the two is an org admin, the other a compliance auditor.');
  }

  async #note(sql: Sql, actor: Actor, action: string, data: Record<string, unknown>): Promise<void> {
    await this.audit.append(sql, { actor: actor.label, action, subjectType: 'AuditLog', subjectId: '-', data });
  }
}
