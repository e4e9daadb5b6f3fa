import { Inject, Injectable } from '@nestjs/common';
import { appendAuditEvent, appendAuditEvents, type NewAuditEvent, type Sql } from '@understudy/db';
import { type Clock, CLOCK } from '../platform/tokens.js';

export type { NewAuditEvent } from '@understudy/db';

/** Writes a line of the audit log in the transaction of what it tells about: both are committed, or neither. */
@Injectable()
export class AuditWriter {
  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** One INSERT. @returns the event's id */
  append(sql: Sql, event: NewAuditEvent): Promise<string> {
    return appendAuditEvent(sql, event, this.clock.now());
  }

  /** Several, in their order; still one INSERT. */
  appendAll(sql: Sql, events: readonly NewAuditEvent[]): Promise<void> {
    return appendAuditEvents(sql, events, this.clock.now());
  }
}
