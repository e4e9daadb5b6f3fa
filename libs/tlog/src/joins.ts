import { createHash } from 'node:crypto';
import type { LoggedEvent, RowLine } from './export-format.js';

/** What the log last said of a row: the fields that it speaks of, and no others. */
type Recorded = Record<string, unknown>;

export interface RowFault {
  readonly table: string;
  readonly id: string;
  readonly message: string;
}

/** The subjects of events that say something of a row. Of other events nothing need be read but their hash. */
export const SPOKEN = [
  'asset',
  'attempt',
  'consent',
  'deletion',
  'delivery',
  'key_destruction',
  'membership',
  'project',
  'segment',
  'shot',
  'task',
  'user',
] as const;

function speaksOfRows(subject: string | undefined): subject is (typeof SPOKEN)[number] {
  return SPOKEN.some((spoken) => spoken === subject);
}

const CONSENT_STATES = new Set(
  'draft pending_signature pending_review active suspended revoked expired superseded declined lapsed'.split(' '),
);

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const plain = (value: unknown): string =>
  JSON.stringify(Array.isArray(value) ? (value as unknown[]).map(String).toSorted() : (value ?? null));

/** SHA-256 of a text, hex: how the log records what is too long or too private to repeat. */
export const sha256Of = (value: string): string => createHash('sha256').update(value, 'utf8').digest('hex');

/**
 * Replays the events and compares the rows they speak of with what they recorded. Memory grows with the rows that are
 * spoken of, not with the number of events.
 */
export class RecordedRows {
  readonly #tables = new Map<string, Map<string, Recorded>>();
  readonly #renders = new Set<string>();
  readonly #replays: Readonly<Record<(typeof SPOKEN)[number], (event: LoggedEvent) => void>> = {
    asset: (event) => this.#asset(event),
    attempt: (event) => event.action === 'attempt.accepted' && this.#segment(event),
    consent: (event) => this.#consent(event),
    deletion: (event) => this.#deletion(event),
    delivery: (event) => this.#delivery(event),
    key_destruction: (event) => this.#keyDestruction(event),
    membership: (event) => this.#membership(event),
    project: (event) => this.#project(event),
    segment: (event) => event.action === 'segment.reused' && this.#reused(event),
    shot: (event) => this.#shot(event),
    task: (event) => event.action === 'task.leased' && this.#leased(event),
    user: (event) => this.#user(event),
  };

  apply(event: LoggedEvent): void {
    const [subject] = event.action.split('.');
    if (speaksOfRows(subject)) this.#replays[subject](event);
  }

  /** Compares one row; each may be asked for once. */
  check({ table, id, values }: RowLine): RowFault[] {
    const recorded = this.#tables.get(table)?.get(id);
    this.#tables.get(table)?.delete(id);
    if (recorded === undefined) {
      // A delivery gets its first event when it was verified.
      if (table === 'deliveries' && values['state'] === 'verifying') return [];
      return [{ table, id, message: 'the log knows nothing of this row' }];
    }
    return Object.entries(recorded)
      .filter(([field, value]) => value !== undefined && field in values && plain(values[field]) !== plain(value))
      .map(([field, value]) => ({
        table,
        id,
        message: `${field} is ${plain(values[field])}, the log recorded ${plain(value)}`,
      }));
  }

  /** Rows that the log speaks of and nobody showed, of the tables that were shown whole. */
  missing(tables: readonly string[]): RowFault[] {
    return tables.flatMap((table) =>
      [...(this.#tables.get(table)?.keys() ?? [])]
        .filter((id) => table !== 'segments' || this.#renders.has(id))
        .map((id) => ({ table, id, message: 'the log speaks of this row, and it is gone' })),
    );
  }

  #record(table: string, id: string, fields: Recorded): void {
    const rows = this.#tables.get(table) ?? new Map<string, Recorded>();
    this.#tables.set(table, rows.set(id, { ...rows.get(id), ...fields }));
  }

  #consent({ action, subjectId, data }: LoggedEvent): void {
    const word = action.slice('consent.'.length);
    if (word === 'imported') {
      const { version, role, level, documentSha256, performerId, scopeSha256 } = data;
      const state = data['state'] ?? 'pending_review';
      this.#record('consents', subjectId, { version, role, level, documentSha256, performerId, scopeSha256, state });
    }
    // The performer's own signature: it takes the consent from waiting for it to waiting for an officer.
    if (word === 'signed') this.#record('consents', subjectId, { state: 'pending_review', level: data['level'] });
    const state = word === 'activated' ? 'active' : word;
    if (CONSENT_STATES.has(state)) this.#record('consents', subjectId, { state });
    if (word === 'held' || word === 'hold_lifted') this.#record('consents', subjectId, { holds: data['holds'] });
    for (const id of list(data['superseded'])) this.#record('consents', text(id), { state: 'superseded' });
  }

  #shot(event: LoggedEvent): void {
    if (event.action === 'shot.submitted') {
      const { plateAssetId, matteAssetId } = event.data;
      this.#record('shot_versions', event.subjectId, { plateAssetId, matteAssetId });
    }
    // The plan says which tracks each member covers.
    if (event.action === 'shot.submitted' || event.action === 'shot.rendering') this.#cast(event);
    if (event.action === 'shot.ready') this.#delivery(event);
  }

  #asset({ subjectId, data }: LoggedEvent): void {
    const { kind, sha256, bytes } = data;
    this.#record('assets', subjectId, { kind, sha256, bytes });
  }

  #cast({ subjectId, data }: LoggedEvent): void {
    for (const member of list(data['cast']) as Recorded[]) {
      const { cast, identityConsentId, plateConsentId, identityAssetIds } = member;
      const { identityPerformerId, platePerformerId, plateReferenceAssetIds, tracks } = member;
      const fields = {
        identityConsentId,
        plateConsentId,
        identityAssetIds,
        identityPerformerId,
        platePerformerId,
        plateReferenceAssetIds,
        tracks,
      };
      const said = Object.entries(fields).filter(([, value]) => value !== undefined);
      this.#record('cast_members', `${subjectId}/${String(cast)}`, Object.fromEntries(said));
    }
  }

  #leased({ subjectId, data }: LoggedEvent): void {
    if (data['kind'] === 'render') this.#renders.add(subjectId);
  }

  #segment({ data }: LoggedEvent): void {
    const { task, sha256, frames, epoch } = data;
    if (this.#renders.has(text(task))) this.#record('segments', text(task), { sha256, frames, epoch });
  }

  /** A later version took the segment of an earlier one: a row of its own, of the same bytes. */
  #reused({ subjectId, data }: LoggedEvent): void {
    const { sha256, frames, epoch } = data;
    this.#renders.add(subjectId);
    this.#record('segments', subjectId, { sha256, frames, epoch });
  }

  #membership({ action, subjectId, projectId, data }: LoggedEvent): void {
    const id = `${projectId ?? ''}/${subjectId}/${text(data['role'])}`;
    if (action === 'membership.granted') this.#record('memberships', id, {});
    else this.#tables.get('memberships')?.delete(id);
  }

  #project({ action, subjectId, data }: LoggedEvent): void {
    const { profile, leastLevel, commercial } = data;
    if (action === 'project.created') this.#record('projects', subjectId, { profile, leastLevel, commercial });
  }

  #user({ subjectId, data }: LoggedEvent): void {
    if (Array.isArray(data['farmRoles'])) this.#record('users', subjectId, { farmRoles: data['farmRoles'] });
  }

  #keyDestruction({ action, subjectId, projectId }: LoggedEvent): void {
    const waiting = { projectId, approved: false, declined: false, certified: false };
    if (action === 'key_destruction.asked') this.#record('key_destructions', subjectId, waiting);
    if (action === 'key_destruction.declined') this.#record('key_destructions', subjectId, { declined: true });
    if (action === 'key_destruction.approved') {
      this.#record('key_destructions', subjectId, { approved: true, projectEnded: true });
    }
  }

  /** A certificate for a project whose key was destroyed; those for a shot version speak of no row. */
  #deletion({ action, data }: LoggedEvent): void {
    const id = data['keyDestructionId'];
    if (action === 'deletion.certified' && id !== undefined) {
      this.#record('key_destructions', text(id), { certified: true });
    }
  }

  #delivery({ action, subjectId, data }: LoggedEvent): void {
    if (action === 'shot.ready') this.#record('deliveries', text(data['deliveryId']), { state: 'ready' });
    if (action === 'delivery.locked') this.#record('deliveries', subjectId, { state: 'locked' });
    if (action === 'delivery.released') {
      this.#record('deliveries', subjectId, { state: 'released', sha256: data['sha256'] });
    }
  }
}
