import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { BatchActs } from './batch-acts.js';
import { BatchRepository } from './batch.repository.js';
import { BatchStandings } from './batch-standings.js';
import { ShotRepository } from './shot.repository.js';

/** Shots of a project that are ordered as one. Who may do something to a shot may do it to a batch of them. */
@Controller()
export class BatchesController {
  constructor(
    private readonly shots: ShotRepository,
    private readonly batches: BatchRepository,
    private readonly standings: BatchStandings,
    private readonly acts: BatchActs,
  ) {}

  @Handle('listBatches', { action: 'read', subject: 'Shot' })
  async list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listBatches'>,
  ): Promise<RouteOutput<'listBatches'>> {
    return await this.batches.list(actor, query);
  }

  @Handle('getBatch', { action: 'read', subject: 'Shot' })
  async get(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getBatch'>,
  ): Promise<RouteOutput<'getBatch'>> {
    return await this.standings.of(await this.shots.ofBatch(actor, 'read', params.batchId));
  }

  @Handle('pauseBatch', { action: 'pause', subject: 'Shot' })
  async pause(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'pauseBatch'>,
  ): Promise<RouteOutput<'pauseBatch'>> {
    return await this.acts.pause(actor, await this.shots.ofBatch(actor, 'pause', params.batchId), true, body.reason);
  }

  @Handle('unpauseBatch', { action: 'pause', subject: 'Shot' })
  async unpause(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'unpauseBatch'>,
  ): Promise<RouteOutput<'unpauseBatch'>> {
    return await this.acts.pause(actor, await this.shots.ofBatch(actor, 'pause', params.batchId), false, body.reason);
  }

  @Handle('setBatchPriority', { action: 'prioritise', subject: 'Shot' })
  async prioritise(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'setBatchPriority'>,
  ): Promise<RouteOutput<'setBatchPriority'>> {
    return await this.acts.prioritise(actor, await this.shots.ofBatch(actor, 'prioritise', params.batchId), body);
  }

  @Handle('cancelBatch', { action: 'cancel', subject: 'Shot' })
  async cancel(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'cancelBatch'>,
  ): Promise<RouteOutput<'cancelBatch'>> {
    return await this.acts.cancel(actor, await this.shots.ofBatch(actor, 'cancel', params.batchId), body.reason);
  }
}
