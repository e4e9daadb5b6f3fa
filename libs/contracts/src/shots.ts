import { z } from 'zod';
import { AnalysisPacks } from './analysis-packs.js';
import { FrameRange, Instant, Name, Reason, Sha256, Uuid } from './ids.js';
import { ConsentLevel } from './consent.js';
import { type ErrorCode, isErrorCode } from './errors.js';
import { AttemptState, LaneNeeds, RestoredTrack, TaskKind, TaskState } from './lanes.js';
import { Encoding, Recipe } from './recipe.js';

const Code = z.custom<ErrorCode>(isErrorCode);

export const PROJECT_PROFILES = ['local', 'farm'] as const;
export const ProjectProfile = z.enum(PROJECT_PROFILES);
export type ProjectProfile = z.infer<typeof ProjectProfile>;

export const Project = z.object({
  id: Uuid,
  name: Name,
  profile: ProjectProfile,
  leastLevel: ConsentLevel,
  commercial: z.boolean(),
  /** Its share of the lanes and the most it may have; null for no limit. */
  shareWeight: z.int(),
  mostLanes: z.int().nullable(),
  createdAt: Instant,
  /** Since then nothing is made in it, and nothing of it can be read; null while its key is there. */
  keyDestroyedAt: Instant.nullable(),
});
export type Project = z.infer<typeof Project>;
export const CreateProject = z.object({
  name: Name,
  profile: ProjectProfile.default('farm'),
  leastLevel: ConsentLevel.optional(),
  commercial: z.boolean().default(false),
});

export const Performer = z.object({
  id: Uuid,
  projectId: Uuid,
  name: Name,
  enrolledFaces: z.int(),
  createdAt: Instant,
});
export type Performer = z.infer<typeof Performer>;

export const ASSET_KINDS = [
  'plate',
  'identity',
  'plate_reference',
  'matte',
  'consent_document',
  'analysis',
  'segment',
  'delivery',
  'still',
] as const;
export const AssetKind = z.enum(ASSET_KINDS);
export type AssetKind = z.infer<typeof AssetKind>;

export const Asset = z.object({
  id: Uuid,
  projectId: Uuid,
  kind: AssetKind,
  sha256: Sha256,
  bytes: z.int(),
  /** False until the announced bytes are there and their hash was checked. */
  complete: z.boolean(),
  createdAt: Instant,
});
export type Asset = z.infer<typeof Asset>;
export const CreateAsset = z.object({
  projectId: Uuid,
  kind: z.enum(['plate', 'identity', 'plate_reference', 'matte']),
  sha256: Sha256,
  bytes: z.int().min(1),
});

/** A face template read from an image by a lane. */
export const Template = z.object({
  assetId: Uuid,
  state: z.enum(['pending', 'ready', 'failed']),
  error: z.object({ code: Code, message: z.string() }).nullable(),
});
export type Template = z.infer<typeof Template>;

/** One cast member: which face in the plate becomes whom. */
export const CastMember = z.object({
  /** The person covered. */
  platePerformerId: Uuid,
  /** Images that show which face of the plate is meant; empty when there is only one person in it. */
  plateReferenceAssetIds: z.array(Uuid).max(20).default([]),
  identityPerformerId: Uuid,
  identityAssetIds: z.array(Uuid).min(1).max(20),
});
export type CastMember = z.infer<typeof CastMember>;

export const SubmitShot = z.object({
  projectId: Uuid,
  name: Name,
  plateAssetId: Uuid,
  recipe: Recipe,
  /** What finds the faces of the plate. */
  analysis: AnalysisPacks.prefault({}),
  /**
   * A roto sequence: a grey clip with the plate's frames, size and rate. What the recipe changed shows where it is white; where it is
   * black the plate stays. Not with `anonymise`, whose faces it would uncover.
   */
  matteAssetId: Uuid.optional(),
  cast: z.array(CastMember).max(32).default([]),
  /** Faces that `anonymise` leaves alone. */
  keepAssetIds: z.array(Uuid).max(32).default([]),
  /** On what ground people are de-identified; required by `anonymise`. */
  basis: z.string().trim().min(3).max(2000).optional(),
  encoding: Encoding.prefault({}),
  container: z.enum(['mp4', 'mov', 'mkv', 'png', 'jpg']).default('mp4'),
  /** Frames in one shard; absent lets the plan choose. */
  shardFrames: z.int().min(1).optional(),
  /** At least so many shards, where the plate has the frames. */
  leastShards: z.int().min(1).max(10_000).default(1),
  /** Goes on with frames whose faces are uncertain, for this reason, instead of holding the shot. */
  acceptUncertain: Reason.optional(),
  priority: z.int().min(0).max(100).default(50),
  /** What the lanes that render it must have. */
  needs: LaneNeeds.prefault({}),
  /** Shots of the project that must be ready before lanes work on this one. */
  after: z.array(Uuid).max(50).default([]),
  /** The batch that it joins, by name, whether that runs already or is new. */
  batch: Name.optional(),
});
export type SubmitShot = z.infer<typeof SubmitShot>;

/** What a shot version keeps of its request, and what its plan decided. */
export const ShotSettings = SubmitShot.pick({
  recipe: true,
  analysis: true,
  matteAssetId: true,
  keepAssetIds: true,
  basis: true,
  encoding: true,
  container: true,
  shardFrames: true,
  leastShards: true,
  acceptUncertain: true,
}).extend({
  /** Tracks that `anonymise` covers; set by the plan. */
  anonymiseTracks: z.array(z.int().min(0)).default([]),
  /** Of a version that renders some frames anew: which, and the version whose other segments it takes. */
  partial: z.object({ baseVersionId: Uuid, startFrame: z.int(), endFrame: z.int() }).optional(),
});
export type ShotSettings = z.infer<typeof ShotSettings>;

export const SHOT_STATES = [
  'ingesting',
  'analysing',
  'linking',
  'planning',
  'rendering',
  'assembling',
  'verifying',
  'ready',
  'released',
  'held',
  'failed',
  'cancelled',
  'revoked',
] as const;
export const ShotState = z.enum(SHOT_STATES);
export type ShotState = z.infer<typeof ShotState>;
/** States that a shot leaves only by a person's act, or never. */
export const SETTLED_SHOT_STATES: readonly ShotState[] = [
  'ready',
  'released',
  'held',
  'failed',
  'cancelled',
  'revoked',
];

export const Shot = z.object({
  id: Uuid,
  projectId: Uuid,
  project: Name,
  name: Name,
  /** The batch that it is of. */
  batch: z.object({ id: Uuid, name: Name }).nullable(),
  /** The newest version's. */
  shotVersionId: Uuid,
  version: z.int(),
  state: ShotState,
  error: z
    .object({ code: Code, message: z.string(), details: z.record(z.string(), z.unknown()).optional() })
    .nullable(),
  frames: z.int().nullable(),
  /** Frames done over frames to do in the present stage, 0..1. */
  progress: z.number(),
  fps: z.number().nullable(),
  recipe: Recipe,
  /** The matte that its result is shown under. */
  matteAssetId: Uuid.nullable(),
  shards: z.object({ total: z.int(), accepted: z.int() }),
  attempts: z.int(),
  deliveryId: Uuid.nullable(),
  selfAttested: z.boolean(),
  waivers: z.array(z.string()),
  createdAt: Instant,
  settledAt: Instant.nullable(),
});
export type Shot = z.infer<typeof Shot>;

export const ShotTask = z.object({
  id: Uuid,
  kind: TaskKind,
  startFrame: z.int(),
  endFrame: z.int(),
  state: TaskState,
  epoch: z.int(),
  framesDone: z.int(),
  error: z.string().nullable(),
  attempts: z.array(
    z.object({
      id: Uuid,
      epoch: z.int(),
      state: AttemptState,
      lane: z.string(),
      leasedAt: Instant,
      endedAt: Instant.nullable(),
      framesDone: z.int(),
      error: z.string().nullable(),
    }),
  ),
});
export type ShotTask = z.infer<typeof ShotTask>;

export const AuditEvent = z.object({
  id: Uuid,
  at: Instant,
  actor: z.string(),
  action: z.string(),
  subjectType: z.string(),
  subjectId: z.string(),
  projectId: Uuid.nullable(),
  /** As it was hashed: of what people typed it has `{ commitment }`. */
  data: z.record(z.string(), z.unknown()),
  /** What they typed, by its field in `data`; null where it was erased. */
  personal: z.record(z.string(), z.string().nullable()),
});
export type AuditEvent = z.infer<typeof AuditEvent>;

/** Renders some frames of a shot anew and takes the rest as it is. */
export const ResubmitShot = z.object({
  /** Widened to the borders of the shards it lies in: a segment is taken whole or not at all. */
  frames: FrameRange,
  /** The same processors with other settings or packs; absent, the recipe stays. It runs on the frames rendered anew alone. */
  recipe: Recipe.optional(),
  priority: z.int().min(0).max(100).optional(),
  reason: Reason,
});

export const CancelShot = z.object({ reason: Reason });
export const ResumeShot = z.object({ reason: Reason });

export const AuditCheckpoint = z.object({
  size: z.int(),
  rootHash: Sha256,
  at: Instant,
  /** The same as a signed note (C2SP tlog-checkpoint); keep it where the database's owner cannot write. */
  note: z.string(),
  /** Who signs: a C2SP signed-note verifier key. */
  verifierKey: z.string(),
});

/** That an event is in the log: RFC 6962 audit path of hashes, hex, from the leaf up. */
export const AuditProof = z.object({
  index: z.int(),
  leafHash: Sha256,
  proof: z.array(Sha256),
  checkpoint: AuditCheckpoint,
});
/** That the log of now begins with the log of `from` entries: RFC 6962 consistency proof. */
export const AuditConsistency = z.object({
  from: z.int(),
  proof: z.array(Sha256),
  checkpoint: AuditCheckpoint,
});

/** What the farm says of itself to an assessor; its members are `libs/tlog`'s `Evidence`, whose code verifies it. */
export const SignedEvidence = z.object({
  /** Canonical JSON, exactly as it was signed. */
  evidence: z.string(),
  /** C2SP signed note over its SHA-256, by the log's key. */
  note: z.string(),
});

/** What became of a shot, as `report.json` and `render --json` show it. */
/**
 * `read` of the `sampled` faces were; `byRenderer` are answers of the very worker that rendered the frame, for want of another;
 * of `unsampled` members the delivery shows no face to look at.
 */
export const OutputGateCounts = z.object({
  sampled: z.int(),
  read: z.int(),
  byRenderer: z.int().default(0),
  unsampled: z.int(),
});

export const ShotReport = z.object({
  shot: z.object({ id: Uuid, name: Name, version: z.int(), state: ShotState }),
  frames: z.int(),
  fps: z.number(),
  shards: z.int(),
  attempts: z.int(),
  lanes: z.array(z.string()),
  output: z.object({ path: z.string(), sha256: Sha256, frames: z.int(), durationS: z.number() }),
  faces: z.array(
    z.object({
      track: z.int(),
      cast: z.int().nullable(),
      frames: z.int(),
      idToIdentityBefore: z.number().nullable(),
      idToIdentity: z.number().nullable(),
      idToIdentityP10: z.number().nullable(),
      idToPlate: z.number().nullable(),
      landmarkNme: z.number().nullable(),
      /** Frames [start, end) in which another face is in front of a member's, which is left as filmed there. */
      leftAsFilmed: z.array(z.tuple([z.int(), z.int()])).default([]),
      /** How strongly it was restored, over all its restored frames; below `meanAsked` where identity would have drifted too far. */
      restored: RestoredTrack.pick({ meanAsked: true, meanStrength: true, minStrength: true, worstDrift: true })
        .nullable()
        .default(null),
    }),
  ),
  /** Faces of the delivery that lanes were asked to read, and what came of it; null where nobody was asked. */
  outputGate: OutputGateCounts.nullable(),
  consents: z.array(z.object({ id: Uuid, version: z.int(), performer: Name, role: z.string(), level: ConsentLevel })),
  waivers: z.array(z.string()),
  selfAttested: z.boolean(),
  auditCheckpoint: AuditCheckpoint,
  timingsS: z.record(z.string(), z.number()),
});
export type ShotReport = z.infer<typeof ShotReport>;

export const Delivery = z.object({
  id: Uuid,
  shotVersionId: Uuid,
  state: z.enum(['verifying', 'ready', 'released', 'locked']),
  sha256: Sha256,
  bytes: z.int(),
  frames: z.int(),
  verification: z.record(z.string(), z.unknown()).nullable(),
});
export type Delivery = z.infer<typeof Delivery>;
