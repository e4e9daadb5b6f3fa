import { z } from 'zod';
import { Batch, BatchActed, BatchStanding } from './batches.js';
import { AttemptLog, AttemptLogPart, ShotLogsQuery } from './attempt-logs.js';
import { ActivateConsent, Consent, ConsentDecision, ConsentDocument, HoldConsent } from './consent.js';
import { ConsentReceipt } from './consent-receipt.js';
import { FrameRange, Instant, Page, Uuid } from './ids.js';
import { Accepted, AcceptInvitation, Granted, Invitation, Invite, Invited, RoleRequest, TakeRole } from './joining.js';
import { FarmRole } from './roles.js';
import {
  CompleteAttempt,
  FailAttempt,
  Heartbeat,
  HeartbeatAnswer,
  LeaseAnswer,
  LeaseRequest,
  OrdersAnswer,
  OrdersQuery,
  RegisteredLane,
  RegisterLane,
  ReleaseAttempt,
} from './lanes.js';
import { AddModelPack, ModelPack } from './model-packs.js';
import {
  CreatedToken,
  CreatedWorker,
  CreateToken,
  CreateUser,
  ChangePassword,
  ConfirmSecondFactor,
  CreateWorker,
  GrantMembership,
  Me,
  NewSecondFactor,
  ProveIdentity,
  RecoveryCodes,
  SignedIn,
  SignIn,
  TieWorker,
  User,
  Worker,
} from './people.js';
import { PORTAL_ROUTES } from './portal.js';
import {
  DrainLane,
  PauseShot,
  ProjectCost,
  ProjectShare,
  RetryShot,
  SetPools,
  SetPriority,
  ShotOutlook,
  UndrainLane,
} from './scheduling.js';
import {
  Asset,
  AuditCheckpoint,
  AuditConsistency,
  AuditEvent,
  AuditProof,
  CancelShot,
  CreateAsset,
  CreateProject,
  Delivery,
  Performer,
  Project,
  ResubmitShot,
  ResumeShot,
  Shot,
  ShotReport,
  SignedEvidence,
  ShotTask,
  SubmitShot,
  Template,
} from './shots.js';

import { CreatedWebhook, CreateWebhook, Webhook, WebhookDelivery } from './webhooks.js';

/** One JSON route of the API: what goes in, what comes out. Binary bodies (`content` routes) are listed in `CONTENT_ROUTES`. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for path parameters. */
  readonly path: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });
const Done = z.object({ ok: z.literal(true) });
const OfProject = Page.extend({ projectId: Uuid.optional() });

/** The whole JSON API. The coordinator serves it, `libs/client` calls it, both by this table. */
export const ROUTES = {
  health: {
    method: 'GET',
    path: '/api/v1/health',
    response: z.object({
      status: z.literal('ok'),
      version: z.string(),
      /** Whether lanes are given work, and why not. */
      leases: z.object({ given: z.boolean(), reason: z.string().nullable() }),
    }),
  },

  signIn: { method: 'POST', path: '/api/v1/session', body: SignIn, response: Me },
  signOut: { method: 'DELETE', path: '/api/v1/session', response: Done },
  me: { method: 'GET', path: '/api/v1/me', response: Me },
  createToken: { method: 'POST', path: '/api/v1/tokens', body: CreateToken, response: CreatedToken },
  /** One's own sessions and API tokens that hold, newest first. */
  listTokens: { method: 'GET', path: '/api/v1/tokens', query: Page, response: list(SignedIn) },
  revokeToken: { method: 'DELETE', path: '/api/v1/tokens/:tokenId', response: Done },
  /** Ends all of one's sessions and API tokens, this one too. */
  signOutEverywhere: {
    method: 'DELETE',
    path: '/api/v1/sessions',
    response: z.object({ ended: z.int().nonnegative() }),
  },
  /** A new password ends all of one's sessions and API tokens. */
  changePassword: { method: 'POST', path: '/api/v1/me/password', body: ChangePassword, response: Done },
  /** A new secret, which counts from the moment its first code is confirmed. */
  enrolSecondFactor: {
    method: 'POST',
    path: '/api/v1/me/second-factor',
    body: ProveIdentity,
    response: NewSecondFactor,
  },
  confirmSecondFactor: {
    method: 'POST',
    path: '/api/v1/me/second-factor/confirm',
    body: ConfirmSecondFactor,
    response: RecoveryCodes,
  },
  removeSecondFactor: {
    method: 'POST',
    path: '/api/v1/me/second-factor/remove',
    body: ProveIdentity,
    response: Done,
  },

  listUsers: { method: 'GET', path: '/api/v1/users', query: Page, response: list(User) },
  createUser: { method: 'POST', path: '/api/v1/users', body: CreateUser, response: User },
  /** Ends all of their sessions and tokens, and lets them in no more. */
  disableUser: { method: 'POST', path: '/api/v1/users/:userId/disable', body: ConsentDecision, response: Done },
  grantFarmRole: {
    method: 'POST',
    path: '/api/v1/users/:userId/farm-roles',
    body: z.object({ role: FarmRole }),
    response: Granted,
  },
  /** One org admin is enough to take a role away, of the farm or of a project. */
  takeRole: { method: 'POST', path: '/api/v1/roles/take', body: TakeRole, response: Done },
  /** Roles that wait for a second org admin. */
  listRoleRequests: { method: 'GET', path: '/api/v1/role-requests', query: Page, response: list(RoleRequest) },
  approveRoleRequest: { method: 'POST', path: '/api/v1/role-requests/:roleRequestId/approve', response: Done },
  declineRoleRequest: {
    method: 'POST',
    path: '/api/v1/role-requests/:roleRequestId/decline',
    body: ConsentDecision,
    response: Done,
  },
  /** Invitations that are open. */
  listInvitations: { method: 'GET', path: '/api/v1/invitations', query: Page, response: list(Invitation) },
  createInvitation: { method: 'POST', path: '/api/v1/invitations', body: Invite, response: Invited },
  revokeInvitation: { method: 'DELETE', path: '/api/v1/invitations/:invitationId', response: Done },
  /** By whoever holds its secret, once: makes the account with a password of their own. */
  acceptInvitation: {
    method: 'POST',
    path: '/api/v1/invitations/accept',
    body: AcceptInvitation,
    response: Accepted,
  },

  listProjects: { method: 'GET', path: '/api/v1/projects', query: Page, response: list(Project) },
  createProject: { method: 'POST', path: '/api/v1/projects', body: CreateProject, response: Project },
  grantMembership: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/memberships',
    body: GrantMembership,
    response: Granted,
  },

  setProjectShare: {
    method: 'PUT',
    path: '/api/v1/projects/:projectId/share',
    body: ProjectShare,
    response: ProjectShare,
  },
  getProjectCost: { method: 'GET', path: '/api/v1/projects/:projectId/cost', response: ProjectCost },

  /** Who is told of what becomes of the project's shots; by ids alone. */
  createWebhook: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/webhooks',
    body: CreateWebhook,
    response: CreatedWebhook,
  },
  listWebhooks: { method: 'GET', path: '/api/v1/webhooks', query: OfProject, response: list(Webhook) },
  deleteWebhook: { method: 'DELETE', path: '/api/v1/webhooks/:webhookId', response: Done },
  /** Goes on with one that was switched off. */
  enableWebhook: { method: 'POST', path: '/api/v1/webhooks/:webhookId/enable', body: z.object({}), response: Webhook },
  /** Tells it nothing more until it is enabled again. */
  disableWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhookId/disable',
    body: z.object({}),
    response: Webhook,
  },
  pingWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhookId/ping',
    body: z.object({}),
    response: WebhookDelivery,
  },
  listWebhookDeliveries: {
    method: 'GET',
    path: '/api/v1/webhooks/:webhookId/deliveries',
    query: Page,
    response: list(WebhookDelivery),
  },

  listPerformers: { method: 'GET', path: '/api/v1/performers', query: OfProject, response: list(Performer) },

  listConsents: { method: 'GET', path: '/api/v1/consents', query: OfProject, response: list(Consent) },
  /** One consent a party; in a `local` project they are active at once, by a waiver that is audited. */
  importConsent: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/consents',
    body: ConsentDocument,
    response: z.object({ consents: z.array(Consent), waivers: z.array(z.string()) }),
  },
  activateConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/activate',
    body: ActivateConsent,
    response: Consent,
  },
  suspendConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/suspend',
    body: ConsentDecision,
    response: Consent,
  },
  revokeConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/revoke',
    body: ConsentDecision,
    response: Consent,
  },
  /** What nobody activated yet is turned down, for good. */
  declineConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/decline',
    body: ConsentDecision,
    response: Consent,
  },
  /** Nothing is evaluated in its favour until every hold is lifted; placing one that is there changes nothing. */
  holdConsent: { method: 'POST', path: '/api/v1/consents/:consentId/hold', body: HoldConsent, response: Consent },
  /** By somebody other than who placed it. */
  liftConsentHold: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/lift-hold',
    body: HoldConsent,
    response: Consent,
  },
  getConsentReceipt: { method: 'GET', path: '/api/v1/consents/:consentId/receipt', response: ConsentReceipt },
  /** The JSON Schema of a consent document; open to everybody, for it says nothing of anybody. */
  consentSchema: {
    method: 'GET',
    path: '/api/v1/schemas/consent.json',
    response: z.record(z.string(), z.unknown()),
  },

  ...PORTAL_ROUTES,

  createAsset: { method: 'POST', path: '/api/v1/assets', body: CreateAsset, response: Asset },
  getAsset: { method: 'GET', path: '/api/v1/assets/:assetId', response: Asset },
  /** Asks a lane to read the face of a complete image asset; asking again changes nothing. */
  createTemplate: { method: 'POST', path: '/api/v1/assets/:assetId/template', response: Template },
  getTemplate: { method: 'GET', path: '/api/v1/assets/:assetId/template', response: Template },

  submitShot: { method: 'POST', path: '/api/v1/shots', body: SubmitShot, response: Shot },
  /** A new version of the shot: plate, analysis, cast, consents and encoding stay, some frames are rendered anew. */
  resubmitShot: {
    method: 'POST',
    path: '/api/v1/shots/:shotId/versions',
    body: ResubmitShot,
    response: z.object({ shot: Shot, rendered: FrameRange, shards: z.object({ rendered: z.int(), reused: z.int() }) }),
  },
  listShots: {
    method: 'GET',
    path: '/api/v1/shots',
    query: OfProject.extend({ batchId: Uuid.optional() }),
    response: list(Shot),
  },
  getShot: { method: 'GET', path: '/api/v1/shots/:shotId', response: Shot },
  listShotTasks: { method: 'GET', path: '/api/v1/shots/:shotId/tasks', query: Page, response: list(ShotTask) },
  /** What lanes wrote down about the attempts at the newest version's shards, by shard and attempt. */
  listShotLogs: { method: 'GET', path: '/api/v1/shots/:shotId/logs', query: ShotLogsQuery, response: list(AttemptLog) },
  listShotEvents: { method: 'GET', path: '/api/v1/shots/:shotId/events', query: Page, response: list(AuditEvent) },
  cancelShot: { method: 'POST', path: '/api/v1/shots/:shotId/cancel', body: CancelShot, response: Shot },
  /** Goes on with a shot that was held for a person to look at. */
  resumeShot: { method: 'POST', path: '/api/v1/shots/:shotId/resume', body: ResumeShot, response: Shot },
  /** "Why is my shot waiting?", how long it takes and what it has cost. */
  getShotOutlook: { method: 'GET', path: '/api/v1/shots/:shotId/outlook', response: ShotOutlook },
  /** No more of it is leased until it is unpaused; what lanes have begun they finish. */
  pauseShot: { method: 'POST', path: '/api/v1/shots/:shotId/pause', body: PauseShot, response: Shot },
  unpauseShot: { method: 'POST', path: '/api/v1/shots/:shotId/unpause', body: PauseShot, response: Shot },
  setShotPriority: { method: 'PUT', path: '/api/v1/shots/:shotId/priority', body: SetPriority, response: Shot },
  /** Goes on with a failed shot: what was accepted stays, what failed is tried again. */
  retryShot: { method: 'POST', path: '/api/v1/shots/:shotId/retry', body: RetryShot, response: Shot },
  /** Batches that hold a shot that one sees, newest first. */
  listBatches: { method: 'GET', path: '/api/v1/batches', query: OfProject, response: list(Batch) },
  /** How its shots stand together; the acts are on all of them that have not ended. */
  getBatch: { method: 'GET', path: '/api/v1/batches/:batchId', response: BatchStanding },
  pauseBatch: {
    method: 'POST',
    path: '/api/v1/batches/:batchId/pause',
    body: PauseShot,
    response: BatchActed,
  },
  unpauseBatch: {
    method: 'POST',
    path: '/api/v1/batches/:batchId/unpause',
    body: PauseShot,
    response: BatchActed,
  },
  setBatchPriority: {
    method: 'PUT',
    path: '/api/v1/batches/:batchId/priority',
    body: SetPriority,
    response: BatchActed,
  },
  cancelBatch: {
    method: 'POST',
    path: '/api/v1/batches/:batchId/cancel',
    body: CancelShot,
    response: BatchActed,
  },
  getShotReport: { method: 'GET', path: '/api/v1/shots/:shotId/report', response: ShotReport },

  getDelivery: { method: 'GET', path: '/api/v1/deliveries/:deliveryId', response: Delivery },
  releaseDelivery: {
    method: 'POST',
    path: '/api/v1/deliveries/:deliveryId/release',
    body: ConsentDecision,
    response: Delivery,
  },

  listWorkers: { method: 'GET', path: '/api/v1/workers', query: Page, response: list(Worker) },
  createWorker: { method: 'POST', path: '/api/v1/workers', body: CreateWorker, response: CreatedWorker },
  /** By another person than who made it or last changed its projects. */
  approveWorker: { method: 'POST', path: '/api/v1/workers/:workerId/approve', response: Done },
  /** Fewer projects act at once; on a strict farm more of them wait for another person's approval. */
  tieWorker: { method: 'PUT', path: '/api/v1/workers/:workerId/projects', body: TieWorker, response: Granted },
  /** Its token opens nothing any more. */
  disableWorker: { method: 'POST', path: '/api/v1/workers/:workerId/disable', body: ConsentDecision, response: Done },

  listModelPacks: { method: 'GET', path: '/api/v1/models', query: Page, response: list(ModelPack) },
  /** Makes a pack known to the farm by its manifest; its files stay with the lanes. The same again changes nothing. */
  addModelPack: { method: 'POST', path: '/api/v1/models', body: AddModelPack, response: ModelPack },
  /** By another person than the one who added it. The first version of a pack that is approved is its default. */
  approveModelPack: {
    method: 'POST',
    path: '/api/v1/models/:modelPackId/approve',
    body: ConsentDecision,
    response: ModelPack,
  },
  setDefaultModelPack: {
    method: 'POST',
    path: '/api/v1/models/:modelPackId/default',
    body: ConsentDecision,
    response: ModelPack,
  },
  drainLane: { method: 'POST', path: '/api/v1/lanes/:laneId/drain', body: DrainLane, response: Done },
  undrainLane: { method: 'POST', path: '/api/v1/lanes/:laneId/undrain', body: UndrainLane, response: Done },
  setLanePools: { method: 'PUT', path: '/api/v1/lanes/:laneId/pools', body: SetPools, response: Done },

  listAuditEvents: { method: 'GET', path: '/api/v1/audit/events', query: OfProject, response: list(AuditEvent) },
  getAuditCheckpoint: { method: 'GET', path: '/api/v1/audit/checkpoint', response: AuditCheckpoint },
  getAuditProof: { method: 'GET', path: '/api/v1/audit/events/:eventId/proof', response: AuditProof },
  getAuditConsistency: {
    method: 'GET',
    path: '/api/v1/audit/consistency',
    query: z.object({ from: z.coerce.number().int().min(1) }),
    response: AuditConsistency,
  },

  /** Of one project, or of all that the asker audits; of the period, where it is given, what was made and done in it. */
  getEvidence: {
    method: 'GET',
    path: '/api/v1/audit/evidence',
    query: z.object({ projectId: Uuid.optional(), from: Instant.optional(), to: Instant.optional() }),
    response: SignedEvidence,
  },

  // What workers speak.
  registerLane: { method: 'POST', path: '/api/v1/lanes', body: RegisterLane, response: RegisteredLane },
  leaseTask: { method: 'POST', path: '/api/v1/lanes/:laneId/lease', body: LeaseRequest, response: LeaseAnswer },
  pollOrders: { method: 'GET', path: '/api/v1/lanes/:laneId/orders', query: OrdersQuery, response: OrdersAnswer },
  heartbeatAttempt: {
    method: 'POST',
    path: '/api/v1/attempts/:attemptId/heartbeat',
    body: Heartbeat,
    response: HeartbeatAnswer,
  },
  completeAttempt: {
    method: 'POST',
    path: '/api/v1/attempts/:attemptId/complete',
    body: CompleteAttempt,
    response: Done,
  },
  failAttempt: { method: 'POST', path: '/api/v1/attempts/:attemptId/fail', body: FailAttempt, response: Done },
  /** Also of an attempt that is over: what a lane could not send then comes late, and changes nothing but the log. */
  appendAttemptLog: { method: 'POST', path: '/api/v1/attempts/:attemptId/log', body: AttemptLogPart, response: Done },
  releaseAttempt: { method: 'POST', path: '/api/v1/attempts/:attemptId/release', body: ReleaseAttempt, response: Done },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;

/**
 * Binary routes. Uploads are resumable: `HEAD` answers `Upload-Offset`, `PUT ?offset=N` appends at exactly that offset
 * (409 CONFLICT otherwise) and answers the new `Upload-Offset`. Downloads support one byte range.
 */
export const CONTENT_ROUTES = {
  assetContent: '/api/v1/assets/:assetId/content',
  /** GET; server-sent events: `shot` with the shot whenever it changed, as `getShot` answers it. */
  shotStream: '/api/v1/shots/:shotId/stream',
  /** GET; PNG. `side` is `before` or `after`; query `frame`. */
  shotStill: '/api/v1/shots/:shotId/stills/:side',
  /** GET; PNG. What a performer sees of themselves in a delivery: their own face, marked. */
  portalPreview: '/api/v1/portal/shots/:shotVersionId/preview',
  deliveryContent: '/api/v1/deliveries/:deliveryId/content',
  /** GET by a lane; bears its own short-lived signature, names one object. */
  leasedObject: '/api/v1/objects/:sha256',
  attemptResult: '/api/v1/attempts/:attemptId/result',
  /** GET; NDJSON, the whole log as `libs/tlog` reads it: events that are the reader's to see, of the others their hashes. */
  auditExport: '/api/v1/audit/export',
  openApi: '/api/v1/openapi.json',
  /** GET; the text that Prometheus reads. */
  metrics: '/metrics',
} as const;
