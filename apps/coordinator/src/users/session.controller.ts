import { Controller, Inject, Res } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { CookieOptions, Response } from 'express';
import type { Actor } from '../access/actor.js';
import { SESSION_COOKIE } from '../access/authenticator.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { SESSION_HOURS } from './session.repository.js';
import { SessionService } from './session.service.js';
import { UserRepository } from './user.repository.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

@Controller()
export class SessionController {
  private readonly cookie: CookieOptions;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly sessions: SessionService,
    private readonly users: UserRepository,
  ) {
    // Plain HTTP is for loopback alone; anywhere else the browser must have come by HTTPS.
    this.cookie = { httpOnly: true, sameSite: 'strict', path: '/', secure: !LOOPBACK.has(config.HOST) };
  }

  @Handle('signIn', { public: true })
  async signIn(
    @Input() { body }: RouteInput<'signIn'>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'signIn'>> {
    const { userId, secret } = await this.sessions.signIn(body);
    response.cookie(SESSION_COOKIE, secret, { ...this.cookie, maxAge: SESSION_HOURS * 3_600_000 });
    return this.sessions.me(await this.users.get(userId));
  }

  @Handle('signOut', { action: 'revoke', subject: 'Session' })
  async signOut(
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'signOut'>> {
    await this.sessions.signOut(actor);
    response.clearCookie(SESSION_COOKIE, this.cookie);
    return { ok: true };
  }

  @Handle('me', { action: 'read', subject: 'Session' })
  me(@CurrentActor() actor: Actor): Promise<RouteOutput<'me'>> {
    return this.sessions.me(actor);
  }
}
