import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER } from '../platform/tokens.js';
import { PerformerRepository } from './performer.repository.js';

const EVERY_MS = 60_000;

/** How long what was read in an image waits for a consent or a shot to name it. */
const READING_KEPT_DAYS = 7;

/**
 * Enrolled faces end with the consent that binds them: declined, lapsed, revoked, expired or superseded; what lanes read in
 * images with the last consent of whom they show. Tracks are the analysis purge's.
 */
@Injectable()
export class FaceRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly performers: PerformerRepository,
    private readonly audit: AuditWriter,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweep().catch((error: unknown) => this.logger.warn({ err: error }, 'the sweep of faces failed'));
    }, EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** @returns how many faces were forgotten */
  async sweep(): Promise<number> {
    return this.database.transaction(async (tx) => {
      const dropped = await this.performers.dropNeedlessFaces(tx);
      for (const { performerId, projectId, faces } of dropped) {
        await this.audit.append(tx, {
          actor: SYSTEM_ACTOR,
          action: 'performer.faces_dropped',
          subjectType: 'Performer',
          subjectId: performerId,
          projectId,
          data: { faces },
        });
      }
      const read = await this.performers.dropNeedlessReadings(tx, READING_KEPT_DAYS);
      for (const { projectId, faces } of read) {
        await this.audit.append(tx, {
          actor: SYSTEM_ACTOR,
          action: 'face_templates.dropped',
          subjectType: 'Project',
          subjectId: projectId,
          projectId,
          data: { faces },
        });
      }
      return [...dropped, ...read].reduce((sum, { faces }) => sum + faces, 0);
    });
  }
}
