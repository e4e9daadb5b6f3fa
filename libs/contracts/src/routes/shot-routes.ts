import { z } from 'zod';
import { AttemptLog, ShotLogsQuery } from '../attempt-logs.js';
import { Batch, BatchActed, BatchStanding } from '../batches.js';
import { ConsentDecision } from '../consent.js';
import { FrameRange, Page, Uuid } from '../ids.js';
import { PauseShot, RetryShot, SetPriority, ShotOutlook } from '../scheduling.js';
import {
  Asset,
  AuditEvent,
  CancelShot,
  CreateAsset,
  Delivery,
  ResubmitShot,
  ResumeShot,
  Shot,
  ShotReport,
  ShotTask,
  SubmitShot,
  Template,
} from '../shots.js';
import { list, OfProject, type Route } from './route.js';

/** Media, shots and what is made of them. */
export const SHOT_ROUTES = {
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
} as const satisfies Record<string, Route>;
