import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AttemptLogRepository } from '../attempt-logs/attempt-log.repository.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER, OBJECT_STORE } from '../platform/tokens.js';
import { KeptPictures } from '../objects/kept-pictures.js';
import { type Deletion, DeletionRepository } from './deletion.repository.js';

const EVERY_MS = 30_000;

/** Deletes what was made under consents that were revoked, once its time is up, and certifies it in the audit log. */
@Injectable()
export class Deletions implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly pictures: KeptPictures,
    private readonly deletions: DeletionRepository,
    private readonly logs: AttemptLogRepository,
    private readonly audit: AuditWriter,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweep().catch((error: unknown) => this.logger.warn({ err: error }, 'a deletion failed; it is tried again'));
    }, EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** @returns how many versions' files were deleted */
  async sweep(): Promise<number> {
    let done = 0;
    for (const deletion of await this.deletions.due(this.database)) if (await this.carryOut(deletion)) done += 1;
    return done;
  }

  /** Files first: a certificate is never written for what is still there. After a crash between the two, both again. */
  private async carryOut(deletion: Deletion): Promise<boolean> {
    const { shotVersionId, projectId, shotId, consentId } = deletion;
    const made = await this.deletions.made(this.database, deletion);
    const own = made.filter(({ usedElsewhere }) => !usedElsewhere);
    for (const { sha256 } of own) {
      await this.objects.of(projectId).delete(sha256);
      await this.pictures.forget(projectId, sha256);
    }
    const kept = made.filter(({ usedElsewhere }) => usedElsewhere);
    return this.database.hotTransaction(async (sql) => {
      if (!(await this.deletions.markDone(sql, shotVersionId))) return false;
      await this.logs.forget(sql, shotVersionId);
      const copies = own.filter(({ kind }) => kind === 'asset').map(({ sha256 }) => sha256);
      await this.deletions.emptyAssets(sql, projectId, copies);
      await this.audit.append(sql, {
        actor: SYSTEM_ACTOR,
        action: 'deletion.certified',
        subjectType: 'ShotVersion',
        subjectId: shotVersionId,
        projectId,
        shotId,
        data: {
          consentId,
          deleted: own.map(({ kind, sha256 }) => ({ kind, sha256 })),
          keptForOthers: kept.map(({ kind, sha256 }) => ({ kind, sha256 })),
        },
      });
      return true;
    });
  }
}
