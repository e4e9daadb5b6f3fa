import { Controller, Req } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Request } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { InvitationService } from './invitation.service.js';

@Controller()
export class InvitationsController {
  constructor(private readonly invitations: InvitationService) {}

  @Handle('listInvitations', { action: 'read', subject: 'Invitation' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listInvitations'>,
  ): Promise<RouteOutput<'listInvitations'>> {
    return this.invitations.list(actor, query);
  }

  @Handle('createInvitation', { action: 'create', subject: 'Invitation' })
  create(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'createInvitation'>,
  ): Promise<RouteOutput<'createInvitation'>> {
    return this.invitations.create(actor, body);
  }

  @Handle('revokeInvitation', { action: 'revoke', subject: 'Invitation' })
  async revoke(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'revokeInvitation'>,
  ): Promise<RouteOutput<'revokeInvitation'>> {
    await this.invitations.revoke(actor, params.invitationId);
    return { ok: true };
  }

  @Handle('acceptInvitation', { public: true })
  accept(
    @Input() { body }: RouteInput<'acceptInvitation'>,
    @Req() request: Request,
  ): Promise<RouteOutput<'acceptInvitation'>> {
    return this.invitations.accept(body, request.ip ?? '');
  }
}
