import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { RoleGiving } from './role-giving.service.js';

/** Roles that wait for a second person, and roles that are taken away. */
@Controller()
export class RolesController {
  constructor(private readonly giving: RoleGiving) {}

  @Handle('listRoleRequests', { action: 'read', subject: 'RoleRequest' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listRoleRequests'>,
  ): Promise<RouteOutput<'listRoleRequests'>> {
    return this.giving.listOpen(actor, query);
  }

  @Handle('approveRoleRequest', { action: 'grant', subject: 'RoleRequest' })
  async approve(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'approveRoleRequest'>,
  ): Promise<RouteOutput<'approveRoleRequest'>> {
    await this.giving.approve(actor, params.roleRequestId);
    return { ok: true };
  }

  @Handle('declineRoleRequest', { action: 'decline', subject: 'RoleRequest' })
  async decline(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'declineRoleRequest'>,
  ): Promise<RouteOutput<'declineRoleRequest'>> {
    await this.giving.decline(actor, params.roleRequestId, body.reason);
    return { ok: true };
  }

  @Handle('grantFarmRole', { action: 'grant', subject: 'Membership' })
  async grantFarmRole(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'grantFarmRole'>,
  ): Promise<RouteOutput<'grantFarmRole'>> {
    const wanted = { userId: params.userId, projectId: null, role: body.role };
    return { ok: true, pending: (await this.giving.grantFarmRole(actor, wanted)) === 'pending' };
  }

  @Handle('takeRole', { action: 'revoke', subject: 'Membership' })
  async take(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'takeRole'>,
  ): Promise<RouteOutput<'takeRole'>> {
    await this.giving.take(actor, body);
    return { ok: true };
  }

  @Handle('disableUser', { action: 'revoke', subject: 'User' })
  async disable(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'disableUser'>,
  ): Promise<RouteOutput<'disableUser'>> {
    await this.giving.disable(actor, params.userId, body.reason);
    return { ok: true };
  }
}
