import { Inject, Injectable } from '@nestjs/common';
import type { AuditEvent } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { DATABASE } from '../platform/tokens.js';
import { PersonalData } from './personal-data.js';

export interface AuditQuery {
  readonly limit: number;
  /** Only events before this one. */
  readonly before?: bigint | undefined;
  readonly projectId?: string | undefined;
}

export interface NumberedEvent {
  readonly sequence: bigint;
  readonly event: AuditEvent;
}

@Injectable()
export class AuditRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly personal: PersonalData,
  ) {}

  /** Newest first; what is shown is what was hashed, and what was typed into it. */
  async list(actor: Actor, { limit, before, projectId }: AuditQuery): Promise<NumberedEvent[]> {
    const rows = await this.database.prisma.auditEvent.findMany({
      where: {
        AND: [
          accessibleTo(actor.ability, 'read', 'AuditEvent'),
          projectId === undefined ? {} : { projectId },
          before === undefined ? {} : { sequence: { lt: before } },
        ],
      },
      select: { sequence: true, id: true, canonical: true },
      orderBy: { sequence: 'desc' },
      take: limit,
    });
    const events = await this.personal.shown(rows);
    return events.map((event, at) => ({ sequence: rows[at]?.sequence ?? 0n, event }));
  }

  /** Whether the actor may see this event. */
  async isReadable(actor: Actor, eventId: string): Promise<boolean> {
    const mine = accessibleTo(actor.ability, 'read', 'AuditEvent');
    return (await this.database.prisma.auditEvent.count({ where: { AND: [mine, { id: eventId }] } })) === 1;
  }
}
