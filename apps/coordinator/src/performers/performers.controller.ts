import { Controller } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { pageOf } from '../platform/paging.js';
import { PerformerRepository } from './performer.repository.js';

@Controller()
export class PerformersController {
  constructor(private readonly performers: PerformerRepository) {}

  @Handle('listPerformers', { action: 'read', subject: 'Performer' })
  async list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listPerformers'>,
  ): Promise<RouteOutput<'listPerformers'>> {
    return pageOf(await this.performers.list(actor, query), query, ({ _count, createdAt, ...performer }) => ({
      ...performer,
      createdAt: createdAt.toISOString(),
      enrolledFaces: _count.faces,
    }));
  }
}
