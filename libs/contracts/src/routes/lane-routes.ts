import { AttemptLogPart } from '../attempt-logs.js';
import {
  CompleteAttempt,
  FailAttempt,
  Heartbeat,
  HeartbeatAnswer,
  LeaseAnswer,
  LeaseRequest,
  OrdersAnswer,
  OrdersQuery,
  RegisterLane,
  RegisteredLane,
  ReleaseAttempt,
  ReportPreparing,
} from '../lanes.js';
import { OpenWorkerSession, WorkerChallenge, WorkerSession } from '../worker-keys.js';
import { Done, type Route } from './route.js';

/** What workers speak. */
export const LANE_ROUTES = {
  /** With its token a worker shows its key, and gets what it asks all else with. */
  challengeWorker: { method: 'POST', path: '/api/v1/worker-session/challenge', response: WorkerChallenge },
  openWorkerSession: {
    method: 'POST',
    path: '/api/v1/worker-session',
    body: OpenWorkerSession,
    response: WorkerSession,
  },
  /** Shown to farm operators until a lane of the worker registers. */
  reportPreparing: {
    method: 'POST',
    path: '/api/v1/worker-session/preparing',
    body: ReportPreparing,
    response: Done,
  },
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
