import { Inject, Injectable } from '@nestjs/common';
import type { ErrorCode, ShotState } from '@understudy/contracts';
import type { Sql, Tx } from '@understudy/db';
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

/** Why versions are withdrawn: as the shot says it, and as the log does. */
export interface WithdrawalGround {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
  readonly data: Readonly<Record<string, string>>;
}

const AFFECTED = `
  SELECT v.id AS "shotVersionId", v.shot_id AS "shotId", s.project_id AS "projectId"
    FROM shot_versions v JOIN shots s ON s.id = v.shot_id`;
/** The order in which everybody locks them. */
const LOCKED = 'ORDER BY v.id FOR NO KEY UPDATE OF v';

/** What a revocation, or the end of a project, reaches: whatever was made of a face, or still could be. */
@Injectable()
export class ShotWithdrawal {
  constructor(
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
    private readonly audit: AuditWriter,
    private readonly deletions: DeletionRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Shot versions pinned to the consent or to an older version of it, locked. */
  lockVersions(tx: Tx, consentId: string): Promise<Affected[]> {
    return tx.query<Affected>(
      `${AFFECTED} WHERE v.id IN (
         SELECT m.shot_version_id FROM consents c JOIN consents o ON o.lineage_id = c.lineage_id AND o.version <= c.version
           JOIN cast_members m ON o.id IN (m.identity_consent_id, m.plate_consent_id)
          WHERE c.id = $1::uuid)
       ${LOCKED}`,
      [consentId],
    );
  }

  /** All of a project, locked. */
  lockProject(sql: Sql, projectId: string): Promise<Affected[]> {
    return sql.query<Affected>(`${AFFECTED} WHERE s.project_id = $1::uuid ${LOCKED}`, [projectId]);
  }

  /** Withdraws the versions because of a consent, and schedules the deletion of what was made of them. */
  async revoke(tx: Tx, actor: string, consentId: string, versions: readonly Affected[]): Promise<void> {
    await this.withdraw(tx, actor, versions, {
      errorCode: 'CONSENT_REVOKED',
      errorMessage: 'A consent that this shot needs was revoked.',
      data: { consentId },
    });
    for (const version of versions) await this.scheduleDeletion(tx, actor, consentId, version);
  }

  /** Ends the versions as revoked, stops their attempts, sets their segments aside and locks their deliveries. */
  async withdraw(sql: Sql, actor: string, versions: readonly Affected[], ground: WithdrawalGround): Promise<void> {
    const { errorCode, errorMessage, data } = ground;
    for (const version of versions) {
      const { shotVersionId } = version;
      const patch = { errorCode, errorMessage };
      await this.transitions.move(sql, { shotVersionId, from: REACHED, to: 'revoked', actor, patch, data });
      await this.tasks.cancelOf(sql, shotVersionId, 'revoked', actor);
      await sql.query(
        `UPDATE segments SET quarantined_at = now()
         WHERE quarantined_at IS NULL AND task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1::uuid)`,
        [shotVersionId],
      );
      await this.lockDeliveries(sql, actor, data, version);
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

  private async lockDeliveries(
    sql: Sql,
    actor: string,
    data: WithdrawalGround['data'],
    version: Affected,
  ): Promise<void> {
    const locked = await sql.query<{ id: string }>(
      `UPDATE deliveries SET state = 'locked' WHERE shot_version_id = $1::uuid AND state <> 'locked' RETURNING id`,
      [version.shotVersionId],
    );
    for (const { id } of locked) {
      await this.audit.append(sql, {
        actor,
        action: 'delivery.locked',
        subjectType: 'Delivery',
        subjectId: id,
        projectId: version.projectId,
        shotId: version.shotId,
        data,
      });
    }
  }
}
