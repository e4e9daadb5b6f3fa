import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { Erasures } from './erasures.js';
import { Restores } from './restores.js';

/** What two people do to the log's surroundings; to the log itself nobody does anything. */
@Controller()
export class AuditActsController {
  constructor(
    private readonly erasures: Erasures,
    private readonly restores: Restores,
  ) {}

  @Handle('listErasures', { action: 'read', subject: 'AuditErasure' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listErasures'>,
  ): Promise<RouteOutput<'listErasures'>> {
    return this.erasures.list(actor, query);
  }

  @Handle('askErasure', { action: 'create', subject: 'AuditErasure' })
  ask(@CurrentActor() actor: Actor, @Input() { body }: RouteInput<'askErasure'>): Promise<RouteOutput<'askErasure'>> {
    return this.erasures.ask(actor, body);
  }

  @Handle('approveErasure', { action: 'activate', subject: 'AuditErasure' })
  approve(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'approveErasure'>,
  ): Promise<RouteOutput<'approveErasure'>> {
    return this.erasures.approve(actor, params.erasureId);
  }

  @Handle('declineErasure', { action: 'decline', subject: 'AuditErasure' })
  async decline(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'declineErasure'>,
  ): Promise<RouteOutput<'declineErasure'>> {
    await this.erasures.decline(actor, params.erasureId, body.reason);
    return { ok: true };
  }

  @Handle('getRestore', { action: 'read', subject: 'RestoreAcceptance' })
  standing(): Promise<RouteOutput<'getRestore'>> {
    return this.restores.standing();
  }

  @Handle('askRestore', { action: 'create', subject: 'RestoreAcceptance' })
  askRestore(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'askRestore'>,
  ): Promise<RouteOutput<'askRestore'>> {
    return this.restores.ask(actor, body.reason);
  }

  @Handle('acceptRestore', { action: 'activate', subject: 'RestoreAcceptance' })
  acceptRestore(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'acceptRestore'>,
  ): Promise<RouteOutput<'acceptRestore'>> {
    return this.restores.accept(actor, body.reason);
  }
}
