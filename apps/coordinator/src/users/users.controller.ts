import { Controller } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { TokenService } from './token.service.js';
import { UserService } from './user.service.js';

@Controller()
export class UsersController {
  constructor(
    private readonly users: UserService,
    private readonly tokens: TokenService,
  ) {}

  @Handle('listUsers', { action: 'read', subject: 'User' })
  listUsers(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listUsers'>,
  ): Promise<RouteOutput<'listUsers'>> {
    return this.users.list(actor, query);
  }

  @Handle('createUser', { action: 'create', subject: 'User' })
  createUser(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'createUser'>,
  ): Promise<RouteOutput<'createUser'>> {
    return this.users.create(actor, body);
  }

  @Handle('createToken', { action: 'create', subject: 'Token' })
  createToken(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'createToken'>,
  ): Promise<RouteOutput<'createToken'>> {
    return this.tokens.create(actor, body);
  }

  @Handle('listTokens', { action: 'read', subject: 'Token' })
  listTokens(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listTokens'>,
  ): Promise<RouteOutput<'listTokens'>> {
    return this.tokens.list(actor, query);
  }

  @Handle('revokeToken', { action: 'revoke', subject: 'Token' })
  async revokeToken(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'revokeToken'>,
  ): Promise<RouteOutput<'revokeToken'>> {
    await this.tokens.revoke(actor, params.tokenId);
    return { ok: true };
  }
}
