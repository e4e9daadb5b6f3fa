import { Inject, Injectable } from '@nestjs/common';
import type { ShotState } from '@understudy/contracts';
import type { Tx } from '@understudy/db';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { DeletionRepository } from './deletion.repository.js';
import { StageTransitions, WORKING_STATES } from '../stages/stage-transitions.js';

/** Whatever has made something of the face, or still could. */
const REACHED: readonly ShotState[] = [...WORKING_STATES, 'held', 'ready', 'released'];

interface Affected {
  readonly shotVersionId: string;
  readonly shotId: string;
  readonly projectId: string;
}

/** What a revocation reaches beyond the consent's own row. */
@Injectable()
export class ShotWithdrawal {
  constructor(
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
    private readonly audit: AuditWriter,
    private readonly deletions: DeletionRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Shot versions pinned to the consent, locked, in the order in which everybody locks them. */
  lockVersions(tx: Tx, consentId: string): Promise<Affected[]> {
    return tx.query<Affected>(
      `SELECT v.id AS "shotVersionId", v.shot_id AS "shotId", s.project_id AS "projectId"
       FROM shot_versions v JOIN shots s ON s.id = v.shot_id
       WHERE v.id IN (SELECT shot_version_id FROM cast_members WHERE $1::uuid IN (identity_consent_id, plate_consent_id))
       ORDER BY v.id FOR NO KEY UPDATE OF v`,
      [consentId],
    );
  }

  /**
   * Ends the versions as revoked, stops their attempts, sets their segments aside, locks their deliveries and schedules
   * the deletion of all of it.
   */
  async withdraw(tx: Tx, actor: string, consentId: string, versions: readonly Affected[]): Promise<void> {
    for (const version of versions) {
      const { shotVersionId } = version;
      await this.transitions.move(tx, {
        shotVersionId,
        from: REACHED,
        to: 'revoked',
        actor,
        patch: { errorCode: 'CONSENT_REVOKED', errorMessage: 'A consent that this shot needs was revoked.' },
        data: { consentId },
      });
      await this.tasks.cancelOf(tx, shotVersionId, 'revoked', actor);
      await tx.query(
        `UPDATE segments SET quarantined_at = now()
         WHERE quarantined_at IS NULL AND task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1::uuid)`,
        [shotVersionId],
      );
      await this.lockDeliveries(tx, actor, consentId, version);
      await this.scheduleDeletion(tx, actor, consentId, version);
    }
  }

  private async scheduleDeletion(tx: Tx, actor: string, consentId: string, version: Affected): Promise<void> {
    const dueAt = await this.deletions.schedule(tx, { ...version, consentId, keptDays: this.config.REVOKED_KEPT_DAYS });
    if (dueAt === null) return;
    await this.audit.append(tx, {
      actor,
      action: 'deletion.scheduled',
      subjectType: 'ShotVersion',
      subjectId: version.shotVersionId,
      projectId: version.projectId,
      shotId: version.shotId,
      data: { consentId, dueAt: dueAt.toISOString() },
    });
  }

  private async lockDeliveries(tx: Tx, actor: string, consentId: string, version: Affected): Promise<void> {
    const locked = await tx.query<{ id: string }>(
      `UPDATE deliveries SET state = 'locked' WHERE shot_version_id = $1::uuid AND state <> 'locked' RETURNING id`,
      [version.shotVersionId],
    );
    for (const { id } of locked) {
      await this.audit.append(tx, {
        actor,
        action: 'delivery.locked',
        subjectType: 'Delivery',
        subjectId: id,
        projectId: version.projectId,
        shotId: version.shotId,
        data: { consentId },
      });
    }
  }
}
