import { Inject, Injectable } from '@nestjs/common';
import { AuditEvent } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { committedFields, mayCommit, type Opening } from '@understudy/tlog';
import { DATABASE } from '../platform/tokens.js';

export interface StoredEvent {
  readonly id: string;
  readonly canonical: string;
}

/** What people typed into events: it lies beside the log, which only commits to it, for as long as it is not erased. */
@Injectable()
export class PersonalData {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** By event id, of those events that commit to something; nothing of what was erased. */
  async openings(events: readonly StoredEvent[], sql: Sql = this.database): Promise<Map<string, Opening[]>> {
    const openings = new Map<string, Opening[]>();
    const ids = events.filter(({ canonical }) => mayCommit(canonical)).map(({ id }) => id);
    if (ids.length === 0) return openings;
    const rows = await sql.query<Opening & { eventId: string }>(
      `SELECT event_id AS "eventId", field, encode(salt, 'hex') AS salt, value FROM audit_personal
        WHERE event_id = ANY ($1::uuid[]) ORDER BY event_id, field`,
      [ids],
    );
    for (const { eventId, ...opening } of rows) {
      const known = openings.get(eventId);
      if (known === undefined) openings.set(eventId, [opening]);
      else known.push(opening);
    }
    return openings;
  }

  /**
   * Events as they were hashed, each with what was typed into it.
   *
   * @param options.opened false leaves out what was typed, as if it had been erased
   */
  async shown(events: readonly StoredEvent[], { opened = true } = {}): Promise<AuditEvent[]> {
    const openings = opened ? await this.openings(events) : new Map<string, Opening[]>();
    return events.map(({ id, canonical }) => {
      const event = JSON.parse(canonical) as Omit<AuditEvent, 'personal'>;
      const values = new Map(openings.get(id)?.map(({ field, value }) => [field, value]));
      const personal = committedFields(event.data).map((field) => [field, values.get(field) ?? null] as const);
      return AuditEvent.parse({ ...event, personal: Object.fromEntries(personal) });
    });
  }
}
