import { Controller, Res } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { AccountService } from './account.service.js';
import { SessionCookie } from './session-cookie.js';

/** One's own account. */
@Controller()
export class AccountController {
  constructor(
    private readonly cookie: SessionCookie,
    private readonly accounts: AccountService,
  ) {}

  @Handle('enrolSecondFactor', { action: 'secure', subject: 'Session' })
  enrol(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'enrolSecondFactor'>,
  ): Promise<RouteOutput<'enrolSecondFactor'>> {
    return this.accounts.enrol(actor, body);
  }

  @Handle('confirmSecondFactor', { action: 'secure', subject: 'Session' })
  async confirm(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'confirmSecondFactor'>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'confirmSecondFactor'>> {
    const { recoveryCodes, secret } = await this.accounts.confirm(actor, body.code);
    if (secret !== null) this.cookie.set(response, secret);
    return { recoveryCodes };
  }

  @Handle('removeSecondFactor', { action: 'secure', subject: 'Session' })
  async remove(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'removeSecondFactor'>,
  ): Promise<RouteOutput<'removeSecondFactor'>> {
    await this.accounts.remove(actor, body);
    return { ok: true };
  }

  @Handle('changePassword', { action: 'secure', subject: 'Session' })
  async changePassword(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'changePassword'>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'changePassword'>> {
    await this.accounts.changePassword(actor, body);
    this.cookie.clear(response);
    return { ok: true };
  }

  @Handle('signOutEverywhere', { action: 'revoke', subject: 'Session' })
  async signOutEverywhere(
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'signOutEverywhere'>> {
    const ended = await this.accounts.signOutEverywhere(actor);
    this.cookie.clear(response);
    return { ended };
  }
}
