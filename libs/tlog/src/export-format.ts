import type { Opening } from './commitments.js';

/**
 * An export of the log, one JSON object a line: the head, every leaf in order, the events that have no leaf yet, the rows
 * that the events speak of, and an end, so that a file that was cut off shows. Everything was read in one snapshot.
 */
export const EXPORT_FORMAT = 'understudy-audit/1';

export interface LogLine {
  readonly kind: 'log';
  readonly format: typeof EXPORT_FORMAT;
  /** The log's signed checkpoint (C2SP tlog-checkpoint), over all leaves that follow. */
  readonly checkpoint: string;
  /** Who signs it, as a C2SP signed-note verifier key. Compare it with one that came another way. */
  readonly verifierKey: string;
  readonly at: string;
  /** Tables whose rows follow whole, as far as this reader may see them. */
  readonly tables: readonly string[];
}

export interface LeafLine {
  readonly kind: 'leaf';
  readonly index: number;
  /** RFC 6962 leaf hash, hex. */
  readonly hash: string;
  /** The event's canonical JSON, exactly as it was hashed. */
  readonly event?: string;
  /** What the event's commitments were made of, where that was not erased. */
  readonly openings?: readonly Opening[];
  /** The event is there and not this reader's to see; its hash still proves its place. */
  readonly hidden?: true;
}

/** An event that is committed and has no leaf yet; a moment later it has one. */
export interface PendingLine {
  readonly kind: 'pending';
  readonly event: string;
}

export interface RowLine {
  readonly kind: 'row';
  readonly table: string;
  /** What tells the row apart in its table. */
  readonly id: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface EndLine {
  readonly kind: 'end';
  readonly leaves: number;
  readonly rows: number;
}

export type ExportLine = LogLine | LeafLine | PendingLine | RowLine | EndLine;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const MEMBERS: Readonly<Record<ExportLine['kind'], Readonly<Record<string, string>>>> = {
  log: { checkpoint: 'string', verifierKey: 'string', at: 'string' },
  leaf: { index: 'number', hash: 'string' },
  pending: { event: 'string' },
  row: { table: 'string', id: 'string', values: 'object' },
  end: { leaves: 'number', rows: 'number' },
};

const areOpenings = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((one) => isRecord(one) && ['field', 'salt', 'value'].every((name) => typeof one[name] === 'string'));

/** @throws SyntaxError for what is no line of an export */
export function parseExportLine(text: string): ExportLine {
  const line: unknown = JSON.parse(text);
  const kind = isRecord(line) ? line['kind'] : undefined;
  if (!isRecord(line) || typeof kind !== 'string' || !Object.hasOwn(MEMBERS, kind)) {
    throw new SyntaxError('a line is none of an export of the log');
  }
  for (const [name, type] of Object.entries(MEMBERS[kind as ExportLine['kind']])) {
    if (typeof line[name] !== type || line[name] === null) throw new SyntaxError(`a ${kind} line lacks its ${name}`);
  }
  if (kind === 'log' && line['format'] !== EXPORT_FORMAT) throw new SyntaxError('this format of export is not known');
  if (kind === 'leaf' && !['string', 'undefined'].includes(typeof line['event'])) {
    throw new SyntaxError('the event of a leaf line is no text');
  }
  if (kind === 'leaf' && !areOpenings(line['openings'] ?? []))
    throw new SyntaxError('the openings of a leaf line are none');
  return line as unknown as ExportLine;
}

/** An event of the log, as its canonical JSON reads. */
export interface LoggedEvent {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly projectId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** @throws SyntaxError for what is no event */
export function parseEvent(canonical: string): LoggedEvent {
  const event: unknown = JSON.parse(canonical);
  if (!isRecord(event) || !isRecord(event['data'])) throw new SyntaxError('this is no event of the log');
  for (const name of ['id', 'at', 'actor', 'action', 'subjectType', 'subjectId']) {
    if (typeof event[name] !== 'string') throw new SyntaxError(`an event lacks its ${name}`);
  }
  return event as unknown as LoggedEvent;
}
