import { UnderstudyError } from '@understudy/contracts';

/** What a failed statement means, whichever way it was sent. */
export type DatabaseFault =
  | { kind: 'unique' | 'foreign_key' | 'check' | 'not_null'; constraint: string | undefined; columns: string[] }
  | { kind: 'privilege' | 'conflict' | 'unavailable' };

const BY_SQLSTATE: Record<string, DatabaseFault['kind']> = {
  '23505': 'unique',
  '23503': 'foreign_key',
  '23514': 'check',
  '23502': 'not_null',
  '42501': 'privilege',
  '40001': 'conflict',
  '40P01': 'conflict',
  // The server ends, starts, or has no connection left.
  '57P01': 'unavailable',
  '57P02': 'unavailable',
  '57P03': 'unavailable',
  '53300': 'unavailable',
};
const BY_PRISMA_CODE: Record<string, DatabaseFault['kind']> = {
  P2002: 'unique',
  P2003: 'foreign_key',
  P2004: 'check',
  P2011: 'not_null',
  P2034: 'conflict',
  P1001: 'unavailable',
  P1002: 'unavailable',
  P1017: 'unavailable',
  P2024: 'unavailable',
};
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH']);
const LOST_CONNECTION =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Client has encountered a connection error|Unable to start a transaction|server closed the connection|not queryable/i;

interface Link {
  code?: unknown;
  originalCode?: unknown;
  constraint?: unknown;
  message?: unknown;
  cause?: unknown;
  meta?: { driverAdapterError?: unknown };
}

/** The error and what it wraps, outermost first. Prisma keeps the driver's error under `meta.driverAdapterError.cause`. */
function chain(thrown: unknown): Link[] {
  const links: Link[] = [];
  let at: unknown = thrown;
  while (typeof at === 'object' && at !== null && links.length < 6) {
    const link = at as Link;
    links.push(link);
    at = link.meta?.driverAdapterError ?? link.cause;
  }
  return links;
}

function constraintOf(links: Link[]): { constraint: string | undefined; columns: string[] } {
  for (const { constraint } of links) {
    if (typeof constraint === 'string') return { constraint, columns: [] };
    if (typeof constraint !== 'object' || constraint === null) continue;
    const { index, fields } = constraint as { index?: string; fields?: string[] };
    return { constraint: index, columns: (fields ?? []).map((field) => field.replaceAll('"', '')) };
  }
  return { constraint: undefined, columns: [] };
}

/** What went wrong in the database, or undefined when the error is not the database's. */
export function databaseFault(thrown: unknown): DatabaseFault | undefined {
  const links = chain(thrown);
  for (const { code, originalCode, message } of links) {
    for (const value of [originalCode, code]) {
      if (typeof value !== 'string') continue;
      const kind =
        BY_SQLSTATE[value] ??
        BY_PRISMA_CODE[value] ??
        (SOCKET_CODES.has(value) || value.startsWith('08') ? 'unavailable' : undefined);
      if (kind === undefined) continue;
      if (kind === 'privilege' || kind === 'conflict' || kind === 'unavailable') return { kind };
      return { kind, ...constraintOf(links) };
    }
    if (typeof message === 'string' && LOST_CONNECTION.test(message)) return { kind: 'unavailable' };
  }
  return undefined;
}

/** Whether a unique rule was broken; with `name`, that constraint, index or column. */
export function isUniqueViolation(thrown: unknown, name?: string): boolean {
  const fault = databaseFault(thrown);
  if (fault?.kind !== 'unique') return false;
  if (name === undefined) return true;
  return fault.constraint === name || fault.columns.includes(name) || messages(thrown).includes(name);
}

/** Whether something was to be made in a project whose key was destroyed. */
export function isOfDestroyedProject(thrown: unknown): boolean {
  return databaseFault(thrown) !== undefined && messages(thrown).includes('project_key_destroyed');
}

function messages(thrown: unknown): string {
  return chain(thrown)
    .map(({ message }) => (typeof message === 'string' ? message : ''))
    .join('\n');
}

/** A lost database becomes DATABASE_UNAVAILABLE; every other error stays what it is, for the caller to judge. */
export function normaliseDatabaseError(thrown: unknown): unknown {
  if (thrown instanceof UnderstudyError) return thrown;
  if (databaseFault(thrown)?.kind !== 'unavailable') return thrown;
  return new UnderstudyError('DATABASE_UNAVAILABLE', 'The database cannot be reached; try again in a moment.', {
    cause: thrown,
  });
}
