import { z } from 'zod';
import { canonicalJson } from './canonical-json.js';
import { ConsentReceipt } from './consent-receipt.js';
import { ConsentDecision, ConsentHold, ConsentLevel, ConsentRole, ConsentScope, ConsentState } from './consent.js';
import { Instant, Name, Page, Sha256, Uuid } from './ids.js';
import { ShotState } from './shots.js';

/** Raw, base64. */
const PublicKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/);
const Signature = z.string().regex(/^[A-Za-z0-9+/]{86}==$/);

/** What a performer signs about one consent: all that decides how their face may be used, in what was shown to them. */
export const ConsentToSign = z.object({
  format: z.literal('understudy-consent-signature/1'),
  consentId: Uuid,
  version: z.int().min(1),
  /** Of the whole document that was brought in, faces included. */
  documentSha256: Sha256,
  role: ConsentRole,
  performer: Name,
  scope: ConsentScope,
  /** Hash of the notice's text; null where none was sent. */
  notice: Sha256.nullable(),
});
export type ConsentToSign = z.infer<typeof ConsentToSign>;

export const ConsentSignatureStatement = ConsentToSign.extend({ publicKey: PublicKey, signedAt: Instant });
export type ConsentSignatureStatement = z.infer<typeof ConsentSignatureStatement>;

/** The bytes that a performer's signature is over: canonical JSON (RFC 8785), UTF-8. */
export function consentSignatureBytes(statement: ConsentSignatureStatement): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalJson(statement));
}

/** That whoever registers a key holds it: signed with the key itself. */
export const KeyProof = z.object({
  format: z.literal('understudy-performer-key/1'),
  userId: Uuid,
  publicKey: PublicKey,
});
export type KeyProof = z.infer<typeof KeyProof>;

export function keyProofBytes(proof: KeyProof): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalJson(proof));
}

export const AddPerformerKey = z.object({ publicKey: PublicKey, signature: Signature });
export const PerformerKey = z.object({
  id: Uuid,
  publicKey: PublicKey,
  /** SHA-256 of the raw key: what a performer reads out to a consent officer. */
  fingerprint: Sha256,
  createdAt: Instant,
  retiredAt: Instant.nullable(),
});
export type PerformerKey = z.infer<typeof PerformerKey>;

export const SignConsent = z.object({ statement: ConsentSignatureStatement, signature: Signature });

/** A consent as its performer sees it: what was agreed to and where it stands; of nobody else anything. */
export const PortalConsent = z.object({
  id: Uuid,
  version: z.int().min(1),
  performer: Name,
  role: ConsentRole,
  state: ConsentState,
  level: ConsentLevel,
  scope: ConsentScope,
  stateReason: z.string().nullable(),
  holds: z.array(ConsentHold),
  noticeElapsesAt: Instant.nullable(),
  createdAt: Instant,
  revokedAt: Instant.nullable(),
  documentSha256: Sha256,
  /** How many versions of shots were made under it. */
  uses: z.int().min(0),
  /** There while it waits for the performer's signature. */
  toSign: ConsentToSign.nullable(),
  signedAt: Instant.nullable(),
});
export type PortalConsent = z.infer<typeof PortalConsent>;

/** A version of a shot that was made under one's own consents: by id, for its name may tell of others' work. */
export const PortalShot = z.object({
  shotVersionId: Uuid,
  state: ShotState,
  frames: z.int().nullable(),
  createdAt: Instant,
  settledAt: Instant.nullable(),
  releasedAt: Instant.nullable(),
  consents: z.array(z.object({ id: Uuid, role: ConsentRole })),
  /** Whether there is a picture to look at. */
  preview: z.boolean(),
});
export type PortalShot = z.infer<typeof PortalShot>;

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });
const Done = z.object({ ok: z.literal(true) });

/** What a performer may ask, of what is their own. */
export const PORTAL_ROUTES = {
  listPortalConsents: { method: 'GET', path: '/api/v1/portal/consents', query: Page, response: list(PortalConsent) },
  listPortalShots: { method: 'GET', path: '/api/v1/portal/shots', query: Page, response: list(PortalShot) },
  revokePortalConsent: {
    method: 'POST',
    path: '/api/v1/portal/consents/:consentId/revoke',
    body: ConsentDecision,
    response: Done,
  },
  getPortalReceipt: {
    method: 'GET',
    path: '/api/v1/portal/consents/:consentId/receipt',
    response: ConsentReceipt,
  },
  /** By a key that was registered; the consent then waits for a consent officer, at level L2. */
  signPortalConsent: {
    method: 'POST',
    path: '/api/v1/portal/consents/:consentId/sign',
    body: SignConsent,
    response: Done,
  },
  listPerformerKeys: { method: 'GET', path: '/api/v1/portal/keys', query: Page, response: list(PerformerKey) },
  /** Registers a public key; the private one never leaves the performer's browser. */
  addPerformerKey: { method: 'POST', path: '/api/v1/portal/keys', body: AddPerformerKey, response: PerformerKey },
  /** Nothing is signed with it any more; what was signed stays signed. */
  retirePerformerKey: { method: 'DELETE', path: '/api/v1/portal/keys/:performerKeyId', response: Done },
} as const;
