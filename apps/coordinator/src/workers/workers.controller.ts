import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { WorkerAdmission } from './worker-admission.service.js';
import { WorkerService } from './worker.service.js';

/** The machines that may lease, and how their lanes are. */
@Controller()
export class WorkersController {
  constructor(
    private readonly workers: WorkerService,
    private readonly admission: WorkerAdmission,
  ) {}

  @Handle('listWorkers', { action: 'read', subject: 'Worker' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listWorkers'>,
  ): Promise<RouteOutput<'listWorkers'>> {
    return this.workers.list(actor, query);
  }

  @Handle('createWorker', { action: 'create', subject: 'Worker' })
  create(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'createWorker'>,
  ): Promise<RouteOutput<'createWorker'>> {
    return this.workers.create(actor, body);
  }

  @Handle('approveWorker', { action: 'activate', subject: 'Worker' })
  async approve(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'approveWorker'>,
  ): Promise<RouteOutput<'approveWorker'>> {
    await this.admission.approve(actor, params.workerId, body.fingerprints);
    return { ok: true };
  }

  @Handle('endWorkerKey', { action: 'revoke', subject: 'Worker' })
  async endKey(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'endWorkerKey'>,
  ): Promise<RouteOutput<'endWorkerKey'>> {
    await this.admission.endKey(actor, params.workerId, params.workerKeyId, body.reason);
    return { ok: true };
  }

  @Handle('tieWorker', { action: 'share', subject: 'Worker' })
  async tie(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'tieWorker'>,
  ): Promise<RouteOutput<'tieWorker'>> {
    return { ok: true, pending: (await this.admission.tie(actor, params.workerId, body.projectIds)) === 'pending' };
  }

  @Handle('disableWorker', { action: 'revoke', subject: 'Worker' })
  async disable(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'disableWorker'>,
  ): Promise<RouteOutput<'disableWorker'>> {
    await this.admission.disable(actor, params.workerId, body.reason);
    return { ok: true };
  }
}
