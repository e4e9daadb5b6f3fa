import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { Outlooks } from './outlook.js';
import { RendersAnew } from './renders-anew.js';
import { SchedulingActs } from './scheduling-acts.js';
import { ShotRepository } from './shot.repository.js';

/** A shot's place among the others: how it stands, and what a person may do about it. */
@Controller()
export class SchedulingController {
  constructor(
    private readonly shots: ShotRepository,
    private readonly acts: SchedulingActs,
    private readonly anew: RendersAnew,
    private readonly outlooks: Outlooks,
  ) {}

  @Handle('getShotOutlook', { action: 'read', subject: 'Shot' })
  async outlook(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getShotOutlook'>,
  ): Promise<RouteOutput<'getShotOutlook'>> {
    return this.outlooks.of(await this.shots.find(actor, 'read', params.shotId));
  }

  @Handle('pauseShot', { action: 'pause', subject: 'Shot' })
  async pause(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'pauseShot'>,
  ): Promise<RouteOutput<'pauseShot'>> {
    const head = await this.shots.find(actor, 'pause', params.shotId);
    await this.acts.pause(actor, head, true, body.reason);
    return this.shots.show(head);
  }

  @Handle('unpauseShot', { action: 'pause', subject: 'Shot' })
  async unpause(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'unpauseShot'>,
  ): Promise<RouteOutput<'unpauseShot'>> {
    const head = await this.shots.find(actor, 'pause', params.shotId);
    await this.acts.pause(actor, head, false, body.reason);
    return this.shots.show(head);
  }

  @Handle('setShotPriority', { action: 'prioritise', subject: 'Shot' })
  async prioritise(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'setShotPriority'>,
  ): Promise<RouteOutput<'setShotPriority'>> {
    const head = await this.shots.find(actor, 'prioritise', params.shotId);
    await this.acts.prioritise(actor, head, body);
    return this.shots.show(head);
  }

  @Handle('retryShot', { action: 'retry', subject: 'Shot' })
  async retry(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'retryShot'>,
  ): Promise<RouteOutput<'retryShot'>> {
    const head = await this.shots.find(actor, 'retry', params.shotId);
    if (body.anyClass) await this.anew.renderAll(actor, head, body.reason);
    else await this.acts.retry(actor, head, body.reason);
    return this.shots.show(head);
  }
}
