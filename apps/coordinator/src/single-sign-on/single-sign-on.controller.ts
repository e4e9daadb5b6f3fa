import { Controller, Req, Res } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Request, Response } from 'express';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { FLOW_COOKIE, SessionCookie } from '../users/session-cookie.js';
import type { OpenedSession } from '../users/session.service.js';
import { UserRepository } from '../users/user.repository.js';
import { WhoAmI } from '../users/who-am-i.js';
import { SingleSignOn } from './single-sign-on.service.js';

function browserOf(request: Request): string | undefined {
  const value = (request.cookies as Record<string, unknown> | undefined)?.[FLOW_COOKIE];
  return typeof value === 'string' ? value : undefined;
}

@Controller()
export class SingleSignOnController {
  constructor(
    private readonly signOn: SingleSignOn,
    private readonly cookie: SessionCookie,
    private readonly users: UserRepository,
    private readonly whoAmI: WhoAmI,
  ) {}

  @Handle('signInOptions', { public: true })
  options(): RouteOutput<'signInOptions'> {
    const name = this.signOn.providerName;
    return { provider: name === null ? null : { name } };
  }

  @Handle('startSingleSignOn', { public: true })
  async start(
    @Input() { body }: RouteInput<'startSingleSignOn'>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'startSingleSignOn'>> {
    const { url, browser } = await this.signOn.start(body, request.ip ?? '');
    this.cookie.setFlow(response, browser);
    return { url };
  }

  @Handle('finishSingleSignOn', { public: true })
  async finish(
    @Input() { body }: RouteInput<'finishSingleSignOn'>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'finishSingleSignOn'>> {
    return await this.opened(response, await this.signOn.finish(browserOf(request), body, request.ip ?? ''));
  }

  @Handle('proveSingleSignOn', { public: true })
  async prove(
    @Input() { body }: RouteInput<'proveSingleSignOn'>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'proveSingleSignOn'>> {
    return await this.opened(response, await this.signOn.prove(browserOf(request), body.code, request.ip ?? ''));
  }

  private async opened(response: Response, { userId, secret, secondFactor }: OpenedSession) {
    this.cookie.clearFlow(response);
    this.cookie.set(response, secret);
    return await this.whoAmI.tell(await this.users.get(userId), secondFactor);
  }
}
