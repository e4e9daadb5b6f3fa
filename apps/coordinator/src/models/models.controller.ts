import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { ModelPackService } from './model-pack.service.js';

/** The packs that shots may run with. */
@Controller()
export class ModelsController {
  constructor(private readonly packs: ModelPackService) {}

  @Handle('listModelPacks', { action: 'read', subject: 'ModelPack' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listModelPacks'>,
  ): Promise<RouteOutput<'listModelPacks'>> {
    return this.packs.list(actor, query);
  }

  @Handle('addModelPack', { action: 'create', subject: 'ModelPack' })
  add(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'addModelPack'>,
  ): Promise<RouteOutput<'addModelPack'>> {
    return this.packs.add(actor, body);
  }

  @Handle('approveModelPack', { action: 'activate', subject: 'ModelPack' })
  approve(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'approveModelPack'>,
  ): Promise<RouteOutput<'approveModelPack'>> {
    return this.packs.approve(actor, params.modelPackId, body.reason);
  }

  @Handle('setDefaultModelPack', { action: 'activate', subject: 'ModelPack' })
  setDefault(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'setDefaultModelPack'>,
  ): Promise<RouteOutput<'setDefaultModelPack'>> {
    return this.packs.setDefault(actor, params.modelPackId, body.reason);
  }
}
