import { randomBytes, randomUUID } from 'node:crypto';
import { PARITY, type Side } from './access-world.js';
import { inDays, sha, signed, statement } from './consent-documents.js';
import { manifestOf } from './pack-fixture.js';

type Body = (side: Side) => unknown;
const REASON: Body = () => ({ reason: 'to see whether it is allowed' });
const EPOCH = { epoch: 1 };
let named = 0;
const name = (): string => `Named ${(named += 1)} ${randomUUID().slice(0, 8)}`;

/** A body that its schema takes, so that what decides is the permission. */
export const BODIES: Readonly<Record<string, Body>> = {
  signIn: () => ({}),
  startSingleSignOn: () => ({ invitation: 1 }),
  finishSingleSignOn: () => ({}),
  proveSingleSignOn: () => ({}),
  enrolSecondFactor: () => ({ password: 'not theirs' }),
  confirmSecondFactor: () => ({ code: '000000' }),
  removeSecondFactor: () => ({ password: 'not theirs' }),
  changePassword: () => ({ password: 'not theirs', newPassword: 'correct horse battery' }),
  createToken: () => ({ name: 'made', validDays: 1 }),
  createUser: () => ({
    name: name(),
    email: `${randomUUID()}@example.org`,
    password: 'correct horse battery',
    farmRoles: [],
  }),
  disableUser: REASON,
  grantFarmRole: () => ({ role: 'farm_operator' }),
  takeRole: ({ userId, projectId }) => ({ userId, projectId, role: 'artist' }),
  declineRoleRequest: REASON,
  createInvitation: () => ({ name: name(), email: `${randomUUID()}@example.org` }),
  acceptInvitation: () => ({}),
  createProject: () => ({ name: name(), profile: 'farm' }),
  grantMembership: ({ userId }) => ({ userId, role: 'artist' }),
  importConsent: ({ projectName }) => signed(statement({ project: projectName, performer: name() })),
  activateConsent: REASON,
  suspendConsent: REASON,
  revokeConsent: REASON,
  declineConsent: REASON,
  holdConsent: () => ({ kind: 'strike', reason: 'the union called one' }),
  liftConsentHold: () => ({ kind: 'strike', reason: 'it is over' }),
  createAsset: ({ projectId }) => ({
    projectId,
    kind: 'identity',
    sha256: randomUUID().replaceAll('-', '').repeat(2),
    bytes: 5,
  }),
  submitShot: ({ projectId, plateAssetId }) => ({
    projectId,
    name: name(),
    plateAssetId,
    recipe: { processors: [{ type: 'anonymise' }] },
    basis: 'bystanders who gave no consent',
  }),
  resubmitShot: () => ({ frames: { startFrame: 0, endFrame: 5 }, reason: 'to see whether it is allowed' }),
  createWebhook: () => ({ url: 'https://hooks.studio.example/understudy' }),
  enableWebhook: () => ({}),
  disableWebhook: () => ({}),
  pingWebhook: () => ({}),
  setProjectShare: () => ({ weight: 1, mostLanes: null }),
  pauseShot: REASON,
  unpauseShot: REASON,
  setShotPriority: () => ({ priority: 50, reason: 'to see whether it is allowed' }),
  retryShot: REASON,
  revokePortalConsent: REASON,
  addPerformerKey: () => ({
    publicKey: randomBytes(32).toString('base64'),
    signature: randomBytes(64).toString('base64'),
  }),
  signPortalConsent: ({ consentId, projectName }) => ({
    statement: {
      format: 'understudy-consent-signature/1',
      consentId,
      version: 1,
      documentSha256: sha('a'),
      role: 'identity',
      performer: 'somebody',
      scope: { project: projectName, operations: ['replace'], validFrom: inDays(0), validUntil: inDays(1) },
      notice: null,
      publicKey: randomBytes(32).toString('base64'),
      signedAt: inDays(0),
    },
    signature: randomBytes(64).toString('base64'),
  }),
  drainLane: REASON,
  undrainLane: REASON,
  setLanePools: () => ({ pools: ['night'] }),
  cancelShot: REASON,
  pauseBatch: REASON,
  unpauseBatch: REASON,
  setBatchPriority: () => ({ priority: 50, reason: 'to see whether it is allowed' }),
  cancelBatch: REASON,
  resumeShot: REASON,
  releaseDelivery: REASON,
  addModelPack: () => ({ manifest: manifestOf(`pack-${randomUUID()}`) }),
  approveModelPack: REASON,
  setDefaultModelPack: REASON,
  askErasure: ({ projectId, shotId }) => ({ projectId, about: shotId, reason: 'somebody asked for it' }),
  declineErasure: REASON,
  askRestore: REASON,
  acceptRestore: REASON,
  createWorker: () => ({ name: name() }),
  tieWorker: ({ projectId }) => ({ projectIds: [projectId] }),
  disableWorker: REASON,
  endWorkerKey: REASON,
  openWorkerSession: () => ({
    publicKey: 'A'.repeat(43),
    challenge: randomUUID(),
    signature: 'A'.repeat(86),
  }),
  reportPreparing: () => ({ step: 'building engine 1/3' }),
  registerLane: () => ({
    ordinal: 1,
    host: 'host',
    capabilities: { parityClass: PARITY, kinds: ['render'], threads: 1, vramMiB: 0, packs: ['default'] },
  }),
  leaseTask: () => ({ waitSeconds: 0 }),
  heartbeatAttempt: () => ({ ...EPOCH, framesDone: 1 }),
  completeAttempt: () => ({ ...EPOCH, result: { sha256: sha('f'), bytes: 5, frames: 1 }, timingsMs: {} }),
  failAttempt: () => ({ ...EPOCH, code: 'INTERNAL', message: 'no', retryable: true }),
  releaseAttempt: () => ({ ...EPOCH, reason: 'drain' }),
  appendAttemptLog: () => ({
    ...EPOCH,
    part: 0,
    firstLine: 1,
    lines: [{ at: inDays(0), level: 'info', message: 'seen', fields: {} }],
  }),
};

/** Queries without which a route refuses, or holds the request open. */
export const QUERIES: Readonly<Record<string, string>> = {
  getAuditConsistency: 'from=1',
  pollOrders: 'waitSeconds=0',
  assetContentAppend: 'offset=0',
  attemptResultOffset: 'epoch=1',
  attemptResultAppend: 'epoch=1&offset=0',
};
