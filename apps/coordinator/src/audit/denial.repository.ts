import { Injectable } from '@nestjs/common';
import type { Sql } from '@understudy/db';

/** Whatever a path may name that is of a project. */
const PROJECT_OF = `
  SELECT o.project_id AS "projectId" FROM (
    SELECT id, id AS project_id FROM projects
    UNION ALL SELECT id, project_id FROM shots
    UNION ALL SELECT id, project_id FROM batches
    UNION ALL SELECT id, project_id FROM consents
    UNION ALL SELECT id, project_id FROM performers
    UNION ALL SELECT id, project_id FROM assets
    UNION ALL SELECT id, project_id FROM webhooks
    UNION ALL SELECT v.id, s.project_id FROM shot_versions v JOIN shots s ON s.id = v.shot_id
    UNION ALL SELECT d.id, s.project_id FROM deliveries d
      JOIN shot_versions v ON v.id = d.shot_version_id JOIN shots s ON s.id = v.shot_id
  ) AS o WHERE o.id = ANY ($1::uuid[]) LIMIT 1`;

export interface KnownToken {
  readonly id: string;
  readonly kind: 'session' | 'api' | 'worker';
  readonly ownerId: string;
}

/** Of what was refused: whose it is, and who asked with a token that holds no more. */
@Injectable()
export class DenialRepository {
  async projectOf(sql: Sql, ids: readonly string[]): Promise<string | null> {
    if (ids.length === 0) return null;
    const [row] = await sql.query<{ projectId: string }>(PROJECT_OF, [ids]);
    return row?.projectId ?? null;
  }

  /** Whatever became of it. */
  async token(sql: Sql, hash: string): Promise<KnownToken | undefined> {
    const [row] = await sql.query<KnownToken>(
      `SELECT id, kind::text AS kind, coalesce(user_id, worker_id) AS "ownerId" FROM tokens WHERE hash = $1`,
      [hash],
    );
    return row;
  }
}
