import { z } from 'zod';
import { FaceTemplate, Instant, Name, Reason, Sha256, Uuid } from './ids.js';

/** How sure we are that the performer agreed: L0 an operator says so, L1 a consent officer saw document and proof, L2 signed by the performer's own key. */
export const CONSENT_LEVELS = ['L0', 'L1', 'L2'] as const;
export const ConsentLevel = z.enum(CONSENT_LEVELS);
export type ConsentLevel = z.infer<typeof ConsentLevel>;

export const CONSENT_STATES = [
  'draft',
  'pending_signature',
  'pending_review',
  'active',
  'suspended',
  'revoked',
  'expired',
  'superseded',
  'declined',
  'lapsed',
] as const;
export const ConsentState = z.enum(CONSENT_STATES);
export type ConsentState = z.infer<typeof ConsentState>;

export const OPERATIONS = ['replace', 'restore', 'anonymise'] as const;
export const Operation = z.enum(OPERATIONS);
export type Operation = z.infer<typeof Operation>;

/** Which side of a replacement a performer stands on: whose face appears, or whose face is covered. */
export const CONSENT_ROLES = ['identity', 'plate'] as const;
export const ConsentRole = z.enum(CONSENT_ROLES);
export type ConsentRole = z.infer<typeof ConsentRole>;

export const ConsentScope = z.object({
  project: Name,
  operations: z.array(Operation).min(1),
  /** Names of shots; absent means every shot of the project. */
  shots: z.array(Name).optional(),
  /** Only these plates, by hash; absent means any plate. */
  plates: z.array(Sha256).optional(),
  /** Only these identity images, by hash; absent means any image of the consenting face. */
  identityAssets: z.array(Sha256).optional(),
  intendedUse: z.string().max(4000).optional(),
  prohibitedUses: z.array(z.string().max(400)).optional(),
  territories: z.array(z.string().max(80)).optional(),
  media: z.array(z.string().max(80)).optional(),
  /** Most frames one delivery may hold. */
  maxFrames: z.int().min(1).optional(),
  validFrom: Instant,
  validUntil: Instant,
});
export type ConsentScope = z.infer<typeof ConsentScope>;

/** One face as the consent document binds it: the image it was read from and its template. */
export const ConsentFace = z.object({ sha256: Sha256, template: FaceTemplate, recogniser: z.string().min(1).max(120) });
export type ConsentFace = z.infer<typeof ConsentFace>;

/** What somebody signed: a paper or a recording, by hash; who signed it, how and when. */
export const ConsentEvidence = z.object({ document: Sha256, signer: Name, method: z.string().max(200), at: Instant });
export type ConsentEvidence = z.infer<typeof ConsentEvidence>;

/** What a performer was told before the use, and when. */
export const ConsentNotice = z.object({
  /** Of the text that was sent. */
  document: Sha256,
  /** BCP 47. */
  language: z.string().min(2).max(35),
  version: z.string().min(1).max(80),
  sentAt: Instant,
  /** Where the notice itself names a first day of use, later than the least time. */
  earliestUse: Instant.optional(),
});
export type ConsentNotice = z.infer<typeof ConsentNotice>;

/** Who agrees for somebody who cannot: their evidence counts, not the performer's own. */
export const ConsentProtection = z.discriminatedUnion('kind', [
  /** A guardian agrees until the performer comes of age; from then on they decide themselves. */
  z.object({ kind: z.literal('minor'), comesOfAgeAt: Instant, guardian: ConsentEvidence }),
  z.object({ kind: z.literal('deceased'), representative: ConsentEvidence }),
]);
export type ConsentProtection = z.infer<typeof ConsentProtection>;

export const ConsentParty = z.object({
  role: ConsentRole,
  /** The performer's pseudonym. */
  performer: Name,
  /** Empty only for a plate performer who is the one person in the plate. */
  faces: z.array(ConsentFace).max(50),
  /** The performer's own evidence (a signed paper, a recording), apart from who attests to it. */
  evidence: ConsentEvidence.optional(),
  notice: ConsentNotice.optional(),
  protection: ConsentProtection.optional(),
});
export type ConsentParty = z.infer<typeof ConsentParty>;

/** The signed part of a consent document. The signature is over its canonical JSON (RFC 8785). */
export const ConsentStatement = z.object({
  format: z.literal('understudy-consent/1'),
  id: Uuid,
  issuedAt: Instant,
  scope: ConsentScope,
  parties: z.array(ConsentParty).min(1).max(2),
  level: ConsentLevel,
});
export type ConsentStatement = z.infer<typeof ConsentStatement>;

export const ConsentDocument = z.object({
  statement: ConsentStatement,
  attestation: z.object({
    method: z.literal('operator-ed25519'),
    /** Raw 32-byte public key, base64. */
    publicKey: z.string().min(40).max(60),
    signature: z.string().min(80).max(100),
    at: Instant,
  }),
});
export type ConsentDocument = z.infer<typeof ConsentDocument>;

/** The six moments at which every consent of a shot is evaluated. */
export const CONSENT_POINTS = ['submit', 'lease', 'heartbeat', 'complete', 'assemble', 'release'] as const;
export const ConsentPoint = z.enum(CONSENT_POINTS);
export type ConsentPoint = z.infer<typeof ConsentPoint>;

export const CONSENT_REASONS = [
  'RECORD_ALTERED',
  'CONSENT_REQUIRED',
  'CONSENT_NOT_ACTIVE',
  'CONSENT_NOT_YET_VALID',
  'CONSENT_EXPIRED',
  'CONSENT_REVOKED',
  'CONSENT_SUSPENDED',
  'CONSENT_ON_HOLD',
  'NOTICE_NOT_ELAPSED',
  'CONSENT_LEVEL_TOO_LOW',
  'WRONG_PERFORMER',
  'WRONG_ROLE',
  'PROJECT_OUT_OF_SCOPE',
  'SHOT_OUT_OF_SCOPE',
  'OPERATION_OUT_OF_SCOPE',
  'PLATE_OUT_OF_SCOPE',
  'IDENTITY_ASSET_OUT_OF_SCOPE',
  'FRAME_CAP_EXCEEDED',
] as const;
export const ConsentReason = z.enum(CONSENT_REASONS);
export type ConsentReason = z.infer<typeof ConsentReason>;

/** Why a consent that is active may not be used for now: a strike of the performer's union, a dispute about the consent. */
export const CONSENT_HOLDS = ['strike', 'dispute'] as const;
export const ConsentHold = z.enum(CONSENT_HOLDS);
export type ConsentHold = z.infer<typeof ConsentHold>;

export const Consent = z.object({
  id: Uuid,
  /** Same over all versions of one consent. */
  lineageId: Uuid,
  version: z.int().min(1),
  projectId: Uuid,
  performerId: Uuid,
  performer: Name,
  role: ConsentRole,
  state: ConsentState,
  level: ConsentLevel,
  scope: ConsentScope,
  documentSha256: Sha256,
  /** The performer's key that signed it, by the SHA-256 of its raw bytes; null below level L2. */
  signedBy: Sha256.nullable(),
  requestedBy: Uuid,
  activatedBy: Uuid.nullable(),
  stateReason: z.string().nullable(),
  holds: z.array(ConsentHold),
  /** When the performer's notice has run; null where none was sent, or none is asked for. */
  noticeElapsesAt: Instant.nullable(),
  /** Why the notice was not waited for; null where it was. */
  noticeWaiverReason: z.string().nullable(),
  protection: z.enum(['minor', 'deceased']).nullable(),
  createdAt: Instant,
  revokedAt: Instant.nullable(),
});
export type Consent = z.infer<typeof Consent>;

export const ConsentDecision = z.object({ reason: Reason });
/** `waiveNotice`: why work may begin before the notice has run, or without one; kept in the audit log. */
export const ActivateConsent = ConsentDecision.extend({ waiveNotice: Reason.optional() });
export const HoldConsent = ConsentDecision.extend({ kind: ConsentHold });
