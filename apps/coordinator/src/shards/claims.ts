import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Lease } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { CONFIG, DATABASE } from '../platform/tokens.js';
import { type Candidate, ClaimRepository } from './claim.repository.js';
import type { Lane } from './lane.js';
import { LeaseContents } from './lease-contents.js';
import { Refusals } from './refusals.js';

/** Pauses before a shot is looked at again whose row or consents somebody was changing. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 80;

type Outcome =
  | { kind: 'nothing' }
  | { kind: 'leased'; lease: Lease }
  | { kind: 'refused'; shotVersionId: string }
  /** Somebody is changing what the claim stands on; the shot is passed over this time. */
  | { kind: 'contended'; shotVersionId: string };

/** Gives a task to a lane: one transaction that picks it, evaluates its consents, leases it and writes it down. */
@Injectable()
export class Claims {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    private readonly tasks: ClaimRepository,
    private readonly gate: ConsentGate,
    private readonly contents: LeaseContents,
    private readonly refusals: Refusals,
    private readonly audit: AuditWriter,
  ) {}

  /** @returns null when there is nothing for this lane now */
  async claim(lane: Lane): Promise<Lease | null> {
    const refused: string[] = [];
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      const { lease, contended } = await this.#lookThrough(lane, refused);
      if (lease !== null || !contended || pauseMs > LONGEST_PAUSE_MS) return lease;
      await delay(pauseMs);
    }
  }

  /** Goes down the line until something can be leased. Shots that were refused are not looked at again. */
  async #lookThrough(lane: Lane, refused: string[]): Promise<{ lease: Lease | null; contended: boolean }> {
    const contended: string[] = [];
    for (;;) {
      const passOver = [...refused, ...contended];
      const outcome = await this.database.hotTransaction(async (sql) => await this.#attempt(sql, lane, passOver));
      const lease = outcome.kind === 'leased' ? outcome.lease : null;
      if (lease !== null || outcome.kind === 'nothing') return { lease, contended: contended.length > 0 };
      if (outcome.kind === 'contended') contended.push(outcome.shotVersionId);
      if (outcome.kind === 'refused') {
        await this.refusals.refuse(outcome.shotVersionId, 'lease');
        refused.push(outcome.shotVersionId);
      }
    }
  }

  async #attempt(sql: Sql, lane: Lane, passOver: readonly string[]): Promise<Outcome> {
    const task = await this.tasks.pick(sql, lane, passOver);
    if (task === undefined) return { kind: 'nothing' };
    const { shotVersionId } = task;
    if (shotVersionId === null) return await this.#lease(sql, lane, task, []);
    const verdict = await this.gate.checkWithoutWaiting(sql, shotVersionId, 'lease');
    if (verdict === null) return { kind: 'contended', shotVersionId };
    if (!verdict.allowed) return { kind: 'refused', shotVersionId };
    const unpinned = task.kind === 'render' && task.pinned === null;
    if (unpinned && !(await this.tasks.pinParityClass(sql, shotVersionId, lane.parityClass))) {
      return { kind: 'contended', shotVersionId };
    }
    return await this.#lease(sql, lane, task, verdict.consentIds);
  }

  async #lease(sql: Sql, lane: Lane, task: Candidate, consentIds: readonly string[]): Promise<Outcome> {
    const { LEASE_SECONDS: leaseSeconds } = this.config;
    const leased = await this.tasks.lease(sql, task.id, lane, { leaseSeconds, consentIds });
    const lease = await this.contents.of(sql, task, leased);
    await this.audit.append(sql, {
      actor: `worker:${lane.workerId}`,
      action: 'task.leased',
      subjectType: 'Task',
      subjectId: task.id,
      projectId: task.projectId,
      shotId: task.shotId,
      data: {
        attempt: leased.attemptId,
        epoch: leased.epoch,
        lane: lane.id,
        kind: task.kind,
        startFrame: task.startFrame,
        endFrame: task.endFrame,
        consents: consentIds,
        parityClass: lane.parityClass,
      },
    });
    return { kind: 'leased', lease };
  }
}
