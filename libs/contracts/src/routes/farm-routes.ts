import { z } from 'zod';
import { ConsentDecision } from '../consent.js';
import { Page } from '../ids.js';
import { Granted } from '../joining.js';
import { AddModelPack, ModelPack } from '../model-packs.js';
import { CreateWorker, CreatedWorker, TieWorker, Worker } from '../people.js';
import { DrainLane, SetPools, UndrainLane } from '../scheduling.js';
import { ApproveWorker } from '../worker-keys.js';
import { Done, list, type Route } from './route.js';

/** The farm itself: its workers, lanes and model packs. */
export const FARM_ROUTES = {
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
  listWorkers: { method: 'GET', path: '/api/v1/workers', query: Page, response: list(Worker) },
  createWorker: { method: 'POST', path: '/api/v1/workers', body: CreateWorker, response: CreatedWorker },
  /** By another person than who made it or last changed its projects. */
  approveWorker: {
    method: 'POST',
    path: '/api/v1/workers/:workerId/approve',
    body: ApproveWorker,
    response: Done,
  },
  /** Ends a key of it, and what that opened. */
  endWorkerKey: {
    method: 'POST',
    path: '/api/v1/workers/:workerId/keys/:workerKeyId/end',
    body: ConsentDecision,
    response: Done,
  },
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
} as const satisfies Record<string, Route>;
