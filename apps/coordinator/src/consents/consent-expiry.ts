import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Logger } from '../platform/logger.js';
import { type Clock, CLOCK, DATABASE, LOGGER } from '../platform/tokens.js';
import { ConsentRepository } from './consent.repository.js';

const EVERY_MS = 30_000;

/**
 * Writes down that a consent's time is over. Nothing waits for it: each evaluation looks at the window itself.
 */
@Injectable()
export class ConsentExpiry implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly consents: ConsentRepository,
    private readonly audit: AuditWriter,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweep().catch((error: unknown) => this.logger.warn({ err: error }, 'the sweep of consents failed'));
    }, EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** @returns how many ended */
  async sweep(): Promise<number> {
    return this.database.transaction(async (tx) => {
      const ended = await this.consents.end(tx, this.clock.now());
      for (const { id, projectId, state } of ended) {
        await this.audit.append(tx, {
          actor: SYSTEM_ACTOR,
          action: `consent.${state}`,
          subjectType: 'Consent',
          subjectId: id,
          projectId,
          data: {},
        });
      }
      return ended.length;
    });
  }
}
