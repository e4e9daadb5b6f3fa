import { Controller, Inject } from '@nestjs/common';
import type { RouteOutput } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { Handle } from '../access/handle.decorator.js';
import { AnchorHold } from '../audit/anchor-hold.js';
import { DATABASE } from '../platform/tokens.js';
import { VERSION } from './version.js';

@Controller()
export class HealthController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly hold: AnchorHold,
  ) {}

  @Handle('health', { public: true })
  async health(): Promise<RouteOutput<'health'>> {
    await this.database.query('SELECT 1');
    const { reason } = this.hold;
    return { status: 'ok', version: VERSION, leases: { given: reason === null, reason } };
  }
}
