import { createHash } from 'node:crypto';

/**
 * In place of a value in an event's data: SHA-256(salt || the value in UTF-8), hex. Without the salt no value can be tried against
 * it, so once salt and value are gone, nothing is left to guess from, and the event's hash stays what it was.
 */
export interface Commitment {
  readonly commitment: string;
}

/** What a commitment was made of. */
export interface Opening {
  /** Of the event's data. */
  readonly field: string;
  /** 32 random bytes, hex. */
  readonly salt: string;
  readonly value: string;
}

export const SALT_BYTES = 32;
/** Written when openings are deleted: `data.events` are the ids of whose. */
export const ERASED = 'personal_data.erased';

/** @throws RangeError for a salt of another length */
export function commitTo(salt: Uint8Array, value: string): Commitment {
  if (salt.length !== SALT_BYTES) throw new RangeError(`a salt has ${SALT_BYTES} bytes`);
  return { commitment: createHash('sha256').update(salt).update(value, 'utf8').digest('hex') };
}

export function isCommitment(value: unknown): value is Commitment {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return false;
  const { commitment } = value as Partial<Commitment>;
  return typeof commitment === 'string' && /^[0-9a-f]{64}$/.test(commitment);
}

/** Fields of an event's data that are commitments. */
export const committedFields = (data: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(data).filter((field) => isCommitment(data[field]));

/** Whether a canonical event may have commitments: tells without reading it when it has none. */
export const mayCommit = (canonical: string): boolean => canonical.includes(':{"commitment":"');

/** Whether an opening is what the event committed to. */
export function opens(data: Readonly<Record<string, unknown>>, { field, salt, value }: Opening): boolean {
  const committed = data[field];
  if (!isCommitment(committed) || !/^[0-9a-f]{64}$/.test(salt)) return false;
  return commitTo(Buffer.from(salt, 'hex'), value).commitment === committed.commitment;
}

/** The data with each value in place of its commitment, and `erased` where it is gone. */
export function opened(data: Readonly<Record<string, unknown>>, openings: readonly Opening[]): Record<string, unknown> {
  const values = new Map(openings.map(({ field, value }) => [field, value]));
  const shown = Object.entries(data).map(([field, value]) =>
    isCommitment(value) ? [field, values.get(field) ?? 'erased'] : [field, value],
  );
  return Object.fromEntries(shown) as Record<string, unknown>;
}
