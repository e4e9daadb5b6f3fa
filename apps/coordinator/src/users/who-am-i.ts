import { Inject, Injectable } from '@nestjs/common';
import type { RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { BreakGlass } from '../break-glass/break-glass.service.js';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { SecondFactorRepository } from './second-factor.repository.js';
import { SessionRepository } from './session.repository.js';

/** What somebody signed in is told of themselves, and of what everybody should know. */
@Injectable()
export class WhoAmI {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly sessions: SessionRepository,
    private readonly factors: SecondFactorRepository,
    private readonly breakGlass: BreakGlass,
  ) {}

  async tell(actor: Pick<Actor, 'id' | 'name' | 'farmRoles'>, secondFactorUsed: boolean): Promise<RouteOutput<'me'>> {
    const { id, name, farmRoles } = actor;
    const { email, hasPassword } = await this.sessions.signInName(id);
    const secondFactor = {
      enrolled: (await this.factors.confirmed(id)) !== null,
      used: secondFactorUsed,
      required: this.config.ACCOUNTS === 'strict',
    };
    return {
      ...{ userId: id, name, email, hasPassword, farmRoles: [...farmRoles], secondFactor },
      memberships: await this.sessions.memberships(id),
      performers: await this.sessions.performers(id),
      breakGlassOpenUntil: await this.breakGlass.openUntil(),
    };
  }
}
