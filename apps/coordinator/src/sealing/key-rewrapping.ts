import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER } from '../platform/tokens.js';
import { ProjectKeys } from './project-keys.js';

/**
 * At each start, wraps by the first of the key-encryption keys what another one of them wrapped. What is sealed under the
 * projects' keys stays as it is. Killed in between, the next start goes on.
 */
@Injectable()
export class KeyRewrapping implements OnApplicationBootstrap {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly keys: ProjectKeys,
    private readonly audit: AuditWriter,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    try {
      const keys = this.keys.wrapAnew();
      if (keys === 0) return;
      this.logger.info({ keys }, 'project keys are wrapped by the first of KEY_ENCRYPTION_KEYS; no other is needed');
      await this.audit.append(this.database, {
        actor: SYSTEM_ACTOR,
        action: 'project_keys.wrapped_anew',
        subjectType: 'Coordinator',
        subjectId: '-',
        data: { keys },
      });
    } catch (thrown) {
      // The projects whose keys open go on meanwhile.
      this.logger.error({ err: thrown }, 'not all project keys are wrapped by the first of KEY_ENCRYPTION_KEYS');
    }
  }
}
