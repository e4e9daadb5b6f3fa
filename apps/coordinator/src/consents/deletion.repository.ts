import { Injectable } from '@nestjs/common';
import type { Sql } from '@understudy/db';

export interface Deletion {
  readonly shotVersionId: string;
  readonly projectId: string;
  readonly shotId: string;
  readonly consentId: string;
}

export interface MadeObject {
  readonly kind: 'segment' | 'delivery' | 'upload' | 'asset';
  readonly sha256: string;
}

/** Every object that was made of a version's frames: what was accepted, what was joined, what lanes sent besides. */
const FROM_LANES = `
  SELECT 'segment' AS kind, g.sha256 FROM segments g JOIN tasks t ON t.id = g.task_id WHERE t.shot_version_id = $1
  UNION SELECT 'delivery', sha256 FROM deliveries WHERE shot_version_id = $1
  UNION SELECT 'upload', a.result->>'sha256' FROM attempts a JOIN tasks t ON t.id = a.task_id
   WHERE t.shot_version_id = $1 AND t.kind = 'render' AND a.result ? 'sha256'`;

/** Nobody knows a hash before its bytes are made: an asset that was announced after the version is a copy brought in again. */
const COPY = `
  c.complete AND c.project_id = $2 AND c.created_at >= (SELECT created_at FROM shot_versions WHERE id = $1)`;
const MADE = `
  ${FROM_LANES}
  UNION SELECT 'asset', c.sha256 FROM assets c WHERE ${COPY} AND c.sha256 IN (SELECT sha256 FROM (${FROM_LANES}) AS of_lanes)`;

/** The same bytes may have been made, or brought in, elsewhere in the project too: then they are not only this version's. */
const USED_ELSEWHERE = `
  SELECT 1 FROM assets c WHERE c.sha256 = made.sha256 AND c.project_id = $2 AND c.complete AND NOT (${COPY})
  UNION ALL SELECT 1 FROM segments g JOIN tasks t ON t.id = g.task_id
   WHERE g.sha256 = made.sha256 AND t.shot_version_id <> $1 AND t.project_id = $2
     AND NOT EXISTS (SELECT 1 FROM deletions x WHERE x.shot_version_id = t.shot_version_id AND x.done_at IS NOT NULL)
  UNION ALL SELECT 1 FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id JOIN shots s ON s.id = v.shot_id
   WHERE d.sha256 = made.sha256 AND d.shot_version_id <> $1 AND s.project_id = $2
     AND NOT EXISTS (SELECT 1 FROM deletions x WHERE x.shot_version_id = d.shot_version_id AND x.done_at IS NOT NULL)`;

@Injectable()
export class DeletionRepository {
  /** @returns when it is due; null where it was scheduled before */
  async schedule(sql: Sql, { keptDays, ...deletion }: Deletion & { keptDays: number }): Promise<Date | null> {
    const [row] = await sql.query<{ dueAt: Date }>(
      `INSERT INTO deletions (shot_version_id, project_id, shot_id, consent_id, due_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) ON CONFLICT DO NOTHING RETURNING due_at AS "dueAt"`,
      [deletion.shotVersionId, deletion.projectId, deletion.shotId, deletion.consentId, keptDays * 86_400],
    );
    return row?.dueAt ?? null;
  }

  /** Those that are due; none whose attempts could still send something. */
  async due(sql: Sql): Promise<Deletion[]> {
    return sql.query<Deletion>(
      `SELECT d.shot_version_id AS "shotVersionId", d.project_id AS "projectId", d.shot_id AS "shotId",
              d.consent_id AS "consentId"
         FROM deletions d
        WHERE d.done_at IS NULL AND d.due_at <= now()
          AND NOT EXISTS (SELECT 1 FROM attempts a JOIN tasks t ON t.id = a.task_id
                           WHERE t.shot_version_id = d.shot_version_id AND a.state IN ('running', 'reported')
                             AND a.expires_at > now())
        ORDER BY d.due_at, d.shot_version_id LIMIT 100`,
    );
  }

  /** What a version's deletion takes away, and what it must leave because something else is the same bytes. */
  async made(
    sql: Sql,
    { shotVersionId, projectId }: Pick<Deletion, 'shotVersionId' | 'projectId'>,
  ): Promise<(MadeObject & { usedElsewhere: boolean })[]> {
    return sql.query(
      `SELECT made.kind, made.sha256, EXISTS (${USED_ELSEWHERE}) AS "usedElsewhere" FROM (${MADE}) AS made
        ORDER BY made.kind, made.sha256`,
      [shotVersionId, projectId],
    );
  }

  /** Copies whose bytes went: nothing is made of them any more until somebody brings them in anew. */
  async emptyAssets(sql: Sql, projectId: string, hashes: readonly string[]): Promise<void> {
    await sql.query('UPDATE assets SET complete = false WHERE project_id = $1 AND sha256 = ANY ($2)', [
      projectId,
      hashes,
    ]);
  }

  /** @returns false where somebody else did it in between */
  async markDone(sql: Sql, shotVersionId: string): Promise<boolean> {
    const rows = await sql.query(
      'UPDATE deletions SET done_at = now() WHERE shot_version_id = $1 AND done_at IS NULL RETURNING 1',
      [shotVersionId],
    );
    return rows.length === 1;
  }
}
