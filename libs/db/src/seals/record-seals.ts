import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '@understudy/contracts';

export const SEALED_TABLES = [
  'consents',
  'cast_members',
  'segments',
  'memberships',
  'performer_accounts',
  'users',
  'audit_erasures',
  'key_destructions',
  'restore_acceptances',
] as const;
export type SealedTable = (typeof SEALED_TABLES)[number];

/**
 * Seals rows that decide something: HMAC-SHA-256 over the table's name and the canonical JSON of what decides, under a key
 * made of `SECRET_KEY`, which the database never sees. Who changes such a row by SQL cannot make a seal that fits. What a
 * seal does not tell is an older state of the same row, put back together with its seal; the audit log does.
 */
export class RecordSeals {
  readonly #key: Uint8Array;

  /** @param secretKey hex, at least 256 bits */
  constructor(secretKey: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', Buffer.from(secretKey, 'hex'), '', 'understudy record seals/1', 32));
  }

  /** @returns 32 bytes, hex */
  of(table: SealedTable, record: readonly unknown[]): string {
    return this.#digest(table, record).toString('hex');
  }

  /** @param seal hex, as `encode(seal, 'hex')` gives it; null where the row was never sealed */
  fits(table: SealedTable, record: readonly unknown[], seal: string | null): boolean {
    if (seal === null) return false;
    const given = Buffer.from(seal, 'hex');
    const own = this.#digest(table, record);
    return given.length === own.length && timingSafeEqual(given, own);
  }

  #digest(table: SealedTable, record: readonly unknown[]): Buffer {
    return createHmac('sha256', this.#key)
      .update(canonicalJson([table, ...record]))
      .digest();
  }
}
