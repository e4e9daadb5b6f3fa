import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { AuditWriter, type NewAuditEvent } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { type Attempt, staleEpoch } from './attempt.js';

export interface AttemptLine {
  readonly attempt: Attempt;
  readonly action: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function eventOf({ attempt, action, data }: AttemptLine): NewAuditEvent {
  return {
    actor: `worker:${attempt.workerId}`,
    action: `attempt.${action}`,
    subjectType: 'Attempt',
    subjectId: attempt.id,
    projectId: attempt.projectId,
    shotId: attempt.shotId,
    data: { task: attempt.taskId, epoch: attempt.epoch, lane: attempt.laneId, ...data },
  };
}

/** The lines that the lanes' side leaves in the audit log. */
@Injectable()
export class AttemptAudit {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly audit: AuditWriter,
  ) {}

  async append(sql: Sql, attempt: Attempt, action: string, data: Record<string, unknown> = {}): Promise<void> {
    await this.appendAll(sql, [{ attempt, action, data }]);
  }

  async appendAll(sql: Sql, lines: readonly AttemptLine[]): Promise<void> {
    await this.audit.appendAll(sql, lines.map(eventOf));
  }

  /** Writes down, on its own, that a report came too late. @throws STALE_EPOCH always */
  async refuseStale(attempt: Attempt, report: string): Promise<never> {
    await this.database.hotTransaction(async (sql) => {
      await this.append(sql, attempt, 'refused_stale', { report, taskEpoch: attempt.taskEpoch, state: attempt.state });
    });
    throw staleEpoch(attempt);
  }
}
