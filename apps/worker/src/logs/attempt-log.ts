import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ATTEMPT_LOG, type LogLevel, type LogLine } from '@understudy/contracts';

import type { LaneLog } from '../log.js';
import { withoutFolders } from './without-folders.js';

export interface LoggedAttempt {
  readonly attemptId: string;
  readonly epoch: number;
}

/** A part's file: whose it is and which of its lines come first. */
export function partName({ attemptId, epoch }: LoggedAttempt, part: number, firstLine: number): string {
  return `${attemptId}.${epoch}.${part}.${firstLine}.ndjson`;
}

/** Beside its parts when nothing more will be written about an attempt. */
export function endName({ attemptId, epoch }: LoggedAttempt): string {
  return `${attemptId}.${epoch}.end`;
}

const LONGEST_TEXT = 8000;

/**
 * The log of one attempt on the worker's disk, in parts of a bounded size. The first parts stay and the last; what lies
 * between them goes, and the numbers of the lines tell how much that was. Each line is written at once, so that what a
 * lane said before it was killed is there to be read.
 */
export class AttemptLog {
  readonly #folder: string;
  readonly #attempt: LoggedAttempt;
  readonly #parts: string[] = [];
  #part: number;
  #partBytes = 0;
  #line: number;

  /**
   * @param folder the lane's own; made when it is not there
   * @param from where a log goes on that somebody else has begun
   */
  constructor(folder: string, attempt: LoggedAttempt, from: { part: number; line: number } = { part: 0, line: 1 }) {
    this.#folder = folder;
    this.#attempt = attempt;
    this.#part = from.part;
    this.#line = from.line;
    quietly(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  }

  write(level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string): void {
    const line = logLine(new Date(), level, fields, message);
    const text = `${JSON.stringify(line)}\n`;
    const bytes = Buffer.byteLength(text);
    if (this.#parts.length === 0 || this.#partBytes + bytes > ATTEMPT_LOG.partBytes) this.#nextPart();
    this.#partBytes += bytes;
    this.#line += 1;
    // A full disk fails the work by itself; that its log is short then must not fail it first.
    quietly(() => appendFileSync(join(this.#folder, this.#parts.at(-1) ?? ''), text, { mode: 0o600 }));
  }

  /** Nothing more will be written. */
  end(): void {
    quietly(() => writeFileSync(join(this.#folder, endName(this.#attempt)), '', { mode: 0o600 }));
  }

  /** Writes to `log` and here. */
  beside(log: LaneLog): LaneLog {
    const tee =
      (level: LogLevel) =>
      (fields: Readonly<Record<string, unknown>>, message: string): void => {
        log[level](fields, message);
        this.write(level, fields, message);
      };
    return { debug: log.debug.bind(log), info: tee('info'), warn: tee('warn'), error: tee('error') };
  }

  #nextPart(): void {
    if (this.#parts.length > 0) this.#part += 1;
    this.#parts.push(partName(this.#attempt, this.#part, this.#line));
    this.#partBytes = 0;
    const { headParts, tailParts } = ATTEMPT_LOG;
    if (this.#parts.length <= headParts + tailParts) return;
    const [cut] = this.#parts.splice(headParts, 1);
    quietly(() => rmSync(join(this.#folder, cut ?? ''), { force: true }));
  }
}

/** A line as the coordinator takes it: without the attempt's own id, texts without folders and of bounded length. */
export function logLine(
  at: Date,
  level: LogLevel,
  fields: Readonly<Record<string, unknown>>,
  message: string,
): LogLine {
  const { attemptId: _, ...rest } = fields;
  const kept = Object.entries(rest).flatMap(([name, value]): [string, LogLine['fields'][string]][] => {
    if (typeof value === 'string') return [[name, withoutFolders(value).slice(-LONGEST_TEXT)]];
    if (value === null || typeof value === 'boolean') return [[name, value]];
    if (typeof value === 'number') return [[name, Number.isFinite(value) ? value : null]];
    if (Array.isArray(value) && value.every((one) => typeof one === 'number')) return [[name, value.slice(0, 100)]];
    if (!isFigures(value)) return [];
    return [[name, value]];
  });
  return { at: at.toISOString(), level, message: message.slice(0, 500), fields: Object.fromEntries(kept) };
}

function isFigures(value: unknown): value is Record<string, number> {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'number');
}

function quietly(write: () => void): void {
  try {
    write();
  } catch {
    // See above.
  }
}
