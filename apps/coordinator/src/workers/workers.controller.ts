import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { WorkerService } from './worker.service.js';

/** The machines that may lease, and how their lanes are. */
@Controller()
export class WorkersController {
  constructor(private readonly workers: WorkerService) {}

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
}
