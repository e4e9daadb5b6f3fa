import { z } from 'zod';
import { AnalysisPacks } from './analysis-packs.js';
import { Instant, Name, Sha256, Uuid } from './ids.js';
import { Encoding, Recipe } from './recipe.js';
import { ERROR_CODES } from './errors.js';

export const TASK_KINDS = ['enrol', 'analyse', 'render'] as const;
export const TaskKind = z.enum(TASK_KINDS);
export type TaskKind = z.infer<typeof TaskKind>;

export const TASK_STATES = ['pending', 'leased', 'reported', 'accepted', 'failed', 'cancelled'] as const;
export const TaskState = z.enum(TASK_STATES);
export type TaskState = z.infer<typeof TaskState>;

export const ATTEMPT_STATES = [
  'running',
  'reported',
  'accepted',
  'failed',
  'expired',
  'released',
  'stopped',
  'rejected',
] as const;
export const AttemptState = z.enum(ATTEMPT_STATES);
export type AttemptState = z.infer<typeof AttemptState>;

export const PROVIDERS = ['tensorrt', 'cuda', 'webgpu', 'cpu'] as const;

/** What must be equal for two lanes to give the same samples. */
export const ParityClass = z.object({
  provider: z.enum(PROVIDERS),
  precision: z.enum(['fp32', 'fp16']),
  runtime: z.string().max(80),
  instructionSet: z.string().max(80),
  batch: z.int().min(1),
});
export type ParityClass = z.infer<typeof ParityClass>;

const errorCodes = Object.keys(ERROR_CODES) as [keyof typeof ERROR_CODES, ...(keyof typeof ERROR_CODES)[]];

/** A pack run on a lane with inputs that everybody knows, its numbers compared with those it gave when it was added. */
export const PackSelfTest = z.object({
  id: z.string().max(64),
  version: z.string().max(64),
  sha256: Sha256.nullable(),
  passed: z.boolean(),
  /** Why not. */
  code: z.enum(errorCodes).optional(),
  message: z.string().max(500).optional(),
  /** Largest difference to the canary in parts of its largest number; null where there is nothing to compare. */
  difference: z.number().nullable(),
  /** Of one run of its networks, once warm: neither reading, hashing nor opening its files; null where nothing is run. */
  milliseconds: z.number().min(0).nullable(),
});
export type PackSelfTest = z.infer<typeof PackSelfTest>;

/** How one of the built-in models did on a lane's provider, against single precision on the processor. */
export const BuiltInTest = z.object({
  role: z.string().max(40),
  /** Largest difference of an output's number, in parts of that output's largest one. */
  difference: z.number(),
  /** Median of several runs, once warm. */
  milliseconds: z.number().min(0),
});
export type BuiltInTest = z.infer<typeof BuiltInTest>;

export const LaneCapabilities = z.object({
  parityClass: ParityClass,
  kinds: z.array(TaskKind).min(1),
  threads: z.int().min(1),
  vramMiB: z.int().min(0),
  /** Of its GPU, in tenths: 8.6 is 86; absent or 0 of a processor. */
  computeCapability: z.int().min(0).optional(),
  /** What is verified on this lane: the default pack by its id, every other by the SHA-256 of its manifest. */
  packs: z.array(z.string().max(120)).min(1),
  /** Which model reads faces here; what another one read cannot be compared with it. */
  recogniser: z.string().min(1).max(120).optional(),
  /** How each pack of this lane's store did in its self-test; only those that passed are among `packs`. */
  selfTests: z.array(PackSelfTest).max(500).optional(),
  /** The same of the built-in models, where the worker tried its provider before its lanes began. */
  builtInTests: z.array(BuiltInTest).max(20).optional(),
});
export type LaneCapabilities = z.infer<typeof LaneCapabilities>;

/** A group of lanes kept for some work: lower-case letters, digits and dashes. */
export const Pool = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be lower-case letters, digits and dashes');

/** What a shot asks of the lanes that render it; what is absent is not asked. */
export const LaneNeeds = z.object({
  /** Only lanes of this pool. */
  pool: Pool.optional(),
  leastVramMiB: z.int().min(1).optional(),
  /** In tenths: 8.6 is 86. */
  leastComputeCapability: z.int().min(1).optional(),
  providers: z.array(z.enum(PROVIDERS)).min(1).optional(),
  precision: z.enum(['fp32', 'fp16']).optional(),
  /** Packs that must have passed their self-test there, as the lane names them; the plan adds those that it pins. */
  models: z.array(z.string().max(120)).min(1).optional(),
  /** The same for the lanes that analyse its plate. */
  analysisModels: z.array(z.string().max(120)).min(1).optional(),
});
export type LaneNeeds = z.infer<typeof LaneNeeds>;

/** What a worker does before its lanes can work, in words: `building engine 2/4`. */
export const ReportPreparing = z.object({ step: z.string().trim().min(1).max(120) });

export const RegisterLane = z.object({ ordinal: z.int().min(0).max(63), host: Name, capabilities: LaneCapabilities });
export const RegisteredLane = z.object({ laneId: Uuid });

/** One object by content, and where to get it for a short while. `url` is relative to the coordinator. */
export const ObjectRef = z.object({ sha256: Sha256, bytes: z.int().min(0), mediaType: z.string(), url: z.string() });
export type ObjectRef = z.infer<typeof ObjectRef>;

export const LeaseRequest = z.object({
  /** Seconds the coordinator may hold the request open while there is no work. */
  waitSeconds: z.int().min(0).max(25).default(20),
});

const LeaseBase = z.object({
  attemptId: Uuid,
  taskId: Uuid,
  epoch: z.int().min(1),
  expiresAt: Instant,
  leaseSeconds: z.number(),
  heartbeatSeconds: z.number(),
  /** PUT with `?offset=`; HEAD tells the bytes already there. */
  upload: z.object({ url: z.string() }),
});

export const EnrolLease = LeaseBase.extend({
  kind: z.literal('enrol'),
  image: ObjectRef,
});

const ClipInput = z.object({
  source: ObjectRef,
  /** `PlateInfo` of libs/media. */
  info: z.unknown(),
});

export const AnalyseLease = LeaseBase.extend({
  kind: z.literal('analyse'),
  startFrame: z.int(),
  endFrame: z.int(),
  plate: ClipInput,
  /** Pinned; absent where the built-in models do all of it. */
  packs: AnalysisPacks.optional(),
});

export const CastLease = z.object({
  cast: z.int().min(0),
  identityImages: z.array(ObjectRef).min(1),
  /** Tracks of the analysis that this member covers. */
  tracks: z.array(z.int().min(0)),
});

export const RenderLease = LeaseBase.extend({
  kind: z.literal('render'),
  shotVersionId: Uuid,
  startFrame: z.int(),
  endFrame: z.int(),
  plate: ClipInput,
  analysis: ObjectRef,
  recipe: Recipe,
  /** Shows what the recipe changed where it is white. */
  matte: ClipInput.optional(),
  cast: z.array(CastLease),
  /** Tracks that `anonymise` covers. */
  anonymiseTracks: z.array(z.int().min(0)),
  encoding: Encoding,
});

export const Lease = z.discriminatedUnion('kind', [EnrolLease, AnalyseLease, RenderLease]);
export type Lease = z.infer<typeof Lease>;
export type EnrolLease = z.infer<typeof EnrolLease>;
export type AnalyseLease = z.infer<typeof AnalyseLease>;
export type RenderLease = z.infer<typeof RenderLease>;

export const LeaseAnswer = z.object({ lease: Lease.nullable() });

export const ORDERS = ['continue', 'stop', 'revoked', 'drain'] as const;
export const Order = z.enum(ORDERS);
export type Order = z.infer<typeof Order>;

export const Heartbeat = z.object({
  epoch: z.int().min(1),
  framesDone: z.int().min(0),
  /** Of what the attempt needs, fetched so far. */
  receivedBytes: z.int().min(0).optional(),
});
export const HeartbeatAnswer = z.object({ order: Order, expiresAt: Instant });

export const OrdersQuery = z.object({ waitSeconds: z.coerce.number().int().min(0).max(25).default(20) });
/** Orders for this lane's running attempt; empty when nothing came up while the request was held. */
export const OrdersAnswer = z.object({
  orders: z.array(z.object({ attemptId: Uuid, epoch: z.int(), order: Order })),
});

/** What a column of the database holds; a lane's word is not taken for more. */
const RowNumber = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/** Likeness and geometry of one output face, measured by independent detection on the rendered frame. */
export const FaceProbe = z.object({
  frame: RowNumber,
  track: RowNumber,
  cast: RowNumber,
  /** Cosines in -1..1; an output face that is not detected counts as 0. */
  idToIdentityBefore: z.number(),
  idToIdentity: z.number(),
  idToPlate: z.number(),
  /** Mean landmark distance to the plate's, in parts of the outer eye distance; null when undetected. */
  landmarkNme: z.number().nullable(),
});
export type FaceProbe = z.infer<typeof FaceProbe>;

/** How strongly a track was restored in those frames of a segment that show its face. Each strength is 0..1. */
export const RestoredTrack = z.object({
  track: RowNumber,
  cast: RowNumber,
  frames: RowNumber.min(1),
  /** What the recipe asks for, and what was used of it so that the face stays itself; both less where it comes from behind another. */
  meanAsked: z.number(),
  meanStrength: z.number(),
  minStrength: z.number(),
  /** Largest drift of the identity (1 less the cosine) in the track's sampled frames, at its largest strength. */
  worstDrift: z.number(),
});
export type RestoredTrack = z.infer<typeof RestoredTrack>;

export const CompleteAttempt = z.object({
  epoch: z.int().min(1),
  result: z.object({
    sha256: Sha256,
    bytes: z.int().min(1),
    frames: z.int().min(0),
    /** Hash of every frame as handed to the encoder; render only. */
    frameHashes: z.array(z.string().max(64)).optional(),
    restored: z.array(RestoredTrack).max(1000).optional(),
  }),
  /** Wall milliseconds by stage. */
  timingsMs: z.record(z.string(), z.number()),
  probes: z.array(FaceProbe).optional(),
});
export type CompleteAttempt = z.infer<typeof CompleteAttempt>;

export const FailAttempt = z.object({
  epoch: z.int().min(1),
  code: z.enum(errorCodes),
  message: z.string().max(2000),
  details: z.record(z.string(), z.unknown()).optional(),
  /** False when another try cannot help: the input itself is at fault. */
  retryable: z.boolean(),
});
/** Hands an unfinished task back, without counting against it: a drain, an orderly stop. */
export const ReleaseAttempt = z.object({ epoch: z.int().min(1), reason: z.enum(['drain', 'stopped', 'shutdown']) });
