import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { KeyDestructions } from './key-destructions.js';

@Controller()
export class KeyDestructionsController {
  constructor(private readonly destructions: KeyDestructions) {}

  @Handle('listKeyDestructions', { action: 'read', subject: 'KeyDestruction' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listKeyDestructions'>,
  ): Promise<RouteOutput<'listKeyDestructions'>> {
    return this.destructions.list(actor, query);
  }

  @Handle('askKeyDestruction', { action: 'create', subject: 'KeyDestruction' })
  ask(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'askKeyDestruction'>,
  ): Promise<RouteOutput<'askKeyDestruction'>> {
    return this.destructions.ask(actor, params.projectId, body);
  }

  @Handle('approveKeyDestruction', { action: 'activate', subject: 'KeyDestruction' })
  approve(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'approveKeyDestruction'>,
  ): Promise<RouteOutput<'approveKeyDestruction'>> {
    return this.destructions.approve(actor, params.keyDestructionId);
  }

  @Handle('declineKeyDestruction', { action: 'decline', subject: 'KeyDestruction' })
  async decline(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'declineKeyDestruction'>,
  ): Promise<RouteOutput<'declineKeyDestruction'>> {
    await this.destructions.decline(actor, params.keyDestructionId, body.reason);
    return { ok: true };
  }
}
