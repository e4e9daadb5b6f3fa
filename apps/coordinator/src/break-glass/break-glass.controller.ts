import { Controller } from '@nestjs/common';
import type { RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { BreakGlass } from './break-glass.service.js';

@Controller()
export class BreakGlassController {
  constructor(private readonly breakGlass: BreakGlass) {}

  @Handle('getBreakGlass', { action: 'read', subject: 'BreakGlass' })
  get(): Promise<RouteOutput<'getBreakGlass'>> {
    return this.breakGlass.standing();
  }

  @Handle('askBreakGlass', { action: 'grant', subject: 'BreakGlass' })
  ask(@CurrentActor() actor: Actor): Promise<RouteOutput<'askBreakGlass'>> {
    return this.breakGlass.ask(actor);
  }

  @Handle('sealBreakGlass', { action: 'grant', subject: 'BreakGlass' })
  seal(@CurrentActor() actor: Actor): Promise<RouteOutput<'sealBreakGlass'>> {
    return this.breakGlass.seal(actor);
  }
}
