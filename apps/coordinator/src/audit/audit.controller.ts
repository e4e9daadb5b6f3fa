import { Controller } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditRepository } from './audit.repository.js';

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
}
