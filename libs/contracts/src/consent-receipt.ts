import { z } from 'zod';
import { canonicalJson } from './canonical-json.js';
import {
  ConsentDocument,
  ConsentEvidence,
  ConsentHold,
  ConsentLevel,
  ConsentNotice,
  ConsentRole,
  ConsentScope,
  ConsentState,
} from './consent.js';
import { Instant, Sha256, Uuid } from './ids.js';

/**
 * What a performer, their union or counsel is handed about one consent: what it says, where it stands, what happened to
 * it. The members follow the sections of ISO/IEC TS 27560: record, parties, purposes, events.
 */
export const ConsentReceiptStatement = z.object({
  format: z.literal('understudy-consent-receipt/1'),
  receiptId: Uuid,
  issuedAt: Instant,
  /** The audit log of the farm that keeps the consent. */
  log: z.string(),
  consent: z.object({
    id: Uuid,
    lineageId: Uuid,
    version: z.int().min(1),
    state: ConsentState,
    stateReason: z.string().nullable(),
    level: ConsentLevel,
    holds: z.array(ConsentHold),
    documentSha256: Sha256,
  }),
  party: z.object({
    role: ConsentRole,
    performer: z.string(),
    /** Hashes of the images that bind it to a face; never the numbers read from them. */
    images: z.array(Sha256),
    evidence: ConsentEvidence.nullable(),
    protection: z.enum(['minor', 'deceased']).nullable(),
    guardianOrRepresentative: ConsentEvidence.nullable(),
  }),
  purpose: ConsentScope,
  notice: ConsentNotice.nullable(),
  noticeWaiverReason: z.string().nullable(),
  /** How to take it back. */
  withdrawal: z.object({ method: z.literal('POST'), path: z.string() }),
  /** From the audit log, in its order. */
  events: z.array(z.object({ id: Uuid, at: Instant, action: z.string() })),
  /** How many versions of shots were made under it. */
  uses: z.int().min(0),
});
export type ConsentReceiptStatement = z.infer<typeof ConsentReceiptStatement>;

/** Signed with the audit log's key, Ed25519, over the receipt's canonical JSON (RFC 8785). */
export const ConsentReceipt = z.object({
  receipt: ConsentReceiptStatement,
  signature: z.object({
    algorithm: z.literal('Ed25519'),
    /** Raw 32-byte public key, base64. */
    publicKey: z.string(),
    value: z.string(),
  }),
});
export type ConsentReceipt = z.infer<typeof ConsentReceipt>;

/** The bytes that a receipt's signature is over. */
export function receiptBytes(receipt: ConsentReceiptStatement): Uint8Array {
  return new TextEncoder().encode(canonicalJson(receipt));
}

/** The consent document's JSON Schema (draft 2020-12), made of the schema that the coordinator itself reads it by. */
export function consentDocumentSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(ConsentDocument, { io: 'input', target: 'draft-2020-12' });
  return {
    $schema,
    $id: 'urn:understudy:schema:consent:1',
    title: 'Understudy consent document, format understudy-consent/1',
    ...rest,
  };
}
