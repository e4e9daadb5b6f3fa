import { Controller, Inject, Res } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { sha256Of } from '@understudy/tlog';
import type { Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle, HandleContent } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { notFound } from '../access/require-on.js';
import { DATABASE } from '../platform/tokens.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditExport } from './audit-export.js';
import { AuditWriter } from './audit-writer.js';
import { AuditRepository } from './audit.repository.js';
import { EvidenceService } from './evidence.js';

function sequenceOf(cursor: string | undefined): bigint | undefined {
  if (cursor === undefined) return undefined;
  if (/^\d{1,18}$/.test(cursor)) return BigInt(cursor);
  throw new UnderstudyError('INVALID_REQUEST', 'The cursor is not one that a page before gave.');
}

@Controller()
export class AuditController {
  constructor(
    private readonly events: AuditRepository,
    private readonly checkpoints: AuditCheckpoints,
    private readonly exports: AuditExport,
    private readonly writer: AuditWriter,
    private readonly evidence: EvidenceService,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  @Handle('listAuditEvents', { action: 'read', subject: 'AuditEvent' })
  async list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listAuditEvents'>,
  ): Promise<RouteOutput<'listAuditEvents'>> {
    const { limit, cursor, projectId } = query;
    const found = await this.events.list(actor, { limit: limit + 1, before: sequenceOf(cursor), projectId });
    const shown = found.slice(0, limit);
    const next = found.length > limit ? String(shown.at(-1)?.sequence) : null;
    return { items: shown.map(({ event }) => event), next };
  }

  @Handle('getAuditCheckpoint', { action: 'read', subject: 'AuditCheckpoint' })
  checkpoint(): Promise<RouteOutput<'getAuditCheckpoint'>> {
    return this.checkpoints.current();
  }

  @Handle('getAuditProof', { action: 'read', subject: 'AuditEvent' })
  async proof(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getAuditProof'>,
  ): Promise<RouteOutput<'getAuditProof'>> {
    if (!(await this.events.isReadable(actor, params.eventId))) throw notFound('event');
    return this.checkpoints.inclusion(params.eventId);
  }

  /** Tells nothing of the content, like the checkpoint itself. */
  @Handle('getAuditConsistency', { action: 'read', subject: 'AuditCheckpoint' })
  consistency(@Input() { query }: RouteInput<'getAuditConsistency'>): Promise<RouteOutput<'getAuditConsistency'>> {
    return this.checkpoints.consistency(query.from);
  }

  @Handle('getEvidence', { action: 'read', subject: 'Evidence' })
  async takeEvidence(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'getEvidence'>,
  ): Promise<RouteOutput<'getEvidence'>> {
    const made = await this.evidence.make(actor, query);
    await this.writer.append(this.database, {
      actor: actor.label,
      action: 'evidence.exported',
      subjectType: 'AuditLog',
      subjectId: '-',
      projectId: query.projectId ?? null,
      data: { from: query.from ?? null, to: query.to ?? null, sha256: sha256Of(made.evidence) },
    });
    return made;
  }

  /** Reading the log leaves a line in it. */
  @HandleContent('GET', 'auditExport', { action: 'read', subject: 'AuditEvent' })
  async exportLog(@CurrentActor() actor: Actor, @Res() response: Response): Promise<void> {
    await this.writer.append(this.database, {
      actor: actor.label,
      action: 'audit.exported',
      subjectType: 'AuditLog',
      subjectId: '-',
      data: {},
    });
    await this.exports.send(actor, response);
  }
}
