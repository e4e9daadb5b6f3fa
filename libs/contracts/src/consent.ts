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

export const ConsentParty = z.object({
  role: ConsentRole,
  /** The performer's pseudonym. */
  performer: Name,
  /** Empty only for a plate performer who is the one person in the plate. */
  faces: z.array(ConsentFace).max(50),
  /** The performer's own evidence (a signed paper, a recording), apart from who attests to it. */
  evidence: z.object({ document: Sha256, signer: Name, method: z.string().max(200), at: Instant }).optional(),
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
  'CONSENT_REQUIRED',
  'CONSENT_NOT_ACTIVE',
  'CONSENT_NOT_YET_VALID',
  'CONSENT_EXPIRED',
  'CONSENT_REVOKED',
  'CONSENT_SUSPENDED',
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
  requestedBy: Uuid,
  activatedBy: Uuid.nullable(),
  stateReason: z.string().nullable(),
  createdAt: Instant,
  revokedAt: Instant.nullable(),
});
export type Consent = z.infer<typeof Consent>;

export const ConsentDecision = z.object({ reason: Reason });
