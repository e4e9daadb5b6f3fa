import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { UnderstudyError } from '@understudy/contracts';
import type { Request } from 'express';
import { asksForSecondFactor, isBeyondBreakGlass } from '@understudy/policy';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, LOGGER } from '../platform/tokens.js';
import type { Actor } from './actor.js';
import { Authenticator } from './authenticator.js';
import { refuseForeignChange } from './csrf.js';
import { ACCESS, type Access, type Permission } from './permission.js';
import { SignedUrls } from './signed-urls.js';

/** Every request passes here: without a declared permission, and without that permission held, nothing is served. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly signedUrls: SignedUrls,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === undefined) throw new UnderstudyError('FORBIDDEN', 'This address is served to nobody.');
    if ('public' in access) return true;
    const request = context.switchToHttp().getRequest<Request>();
    if ('signedUrl' in access) {
      request.urlClaims = this.signedUrls.verify(request.originalUrl);
      return true;
    }
    request.access = access;
    const actor = await this.authenticator.authenticate(request);
    request.actor = actor;
    if (actor.token.kind === 'session') refuseForeignChange(request);
    if (actor.ability.cannot(access.action, access.subject)) {
      throw new UnderstudyError('FORBIDDEN', 'Your roles do not allow this.');
    }
    if (actor.kind === 'worker') this.requireWorkerKey(actor, access);
    if (actor.isBreakGlass) this.watchBreakGlass(actor, access);
    this.requireSecondFactor(actor, access);
    return true;
  }

  /** A token that somebody found opens nothing, and what a key opened opens no more of its kind. */
  private requireWorkerKey({ token }: Actor, { action }: Permission): void {
    const isJoining = action === 'join';
    if (token.isJoin === true ? isJoining || this.config.ACCOUNTS === 'simple' : !isJoining) return;
    throw new UnderstudyError(
      'WORKER_KEY_REQUIRED',
      "A worker's token is for showing its key; ask for anything else with what that opens.",
    );
  }

  private watchBreakGlass({ label }: Actor, { action, subject }: Permission): void {
    if (action !== 'read') this.logger.error({ actor: label, action, subject }, 'the break-glass account acts');
    if (!isBeyondBreakGlass(action, subject)) return;
    throw new UnderstudyError('FORBIDDEN', 'A break-glass account keeps its password, and has no tokens.');
  }

  private requireSecondFactor({ token }: Actor, { action, subject }: Permission): void {
    if (this.config.ACCOUNTS === 'simple' || token.secondFactor === true) return;
    if (!asksForSecondFactor(action, subject)) return;
    throw new UnderstudyError(
      'SECOND_FACTOR_REQUIRED',
      'This releases or grants, and wants a second factor: enrol one under Account or with "understudy account enrol", then sign in with its code.',
    );
  }
}
