import { Controller, Req, Res } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Request, Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { SessionCookie } from './session-cookie.js';
import { SessionService } from './session.service.js';
import { UserRepository } from './user.repository.js';
import { WhoAmI } from './who-am-i.js';

@Controller()
export class SessionController {
  constructor(
    private readonly cookie: SessionCookie,
    private readonly sessions: SessionService,
    private readonly users: UserRepository,
    private readonly whoAmI: WhoAmI,
  ) {}

  @Handle('signIn', { public: true })
  async signIn(
    @Input() { body }: RouteInput<'signIn'>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'signIn'>> {
    const { userId, secret, secondFactor } = await this.sessions.signIn(body, request.ip ?? '');
    this.cookie.set(response, secret);
    return this.whoAmI.tell(await this.users.get(userId), secondFactor);
  }

  @Handle('signOut', { action: 'revoke', subject: 'Session' })
  async signOut(
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'signOut'>> {
    await this.sessions.signOut(actor);
    this.cookie.clear(response);
    return { ok: true };
  }

  @Handle('me', { action: 'read', subject: 'Session' })
  me(@CurrentActor() actor: Actor): Promise<RouteOutput<'me'>> {
    return this.whoAmI.tell(actor, actor.token.secondFactor === true);
  }
}
