import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, UnderstudyError } from '@understudy/contracts';
import { alteredRows, type Database, RecordSeals, sealRows, type Sql } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { pageArguments } from '../platform/paging.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';

export interface KeyDestructionRow {
  readonly id: string;
  readonly projectId: string;
  readonly project: string;
  readonly reason: string;
  readonly askedBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly approvedBy: string | null;
  readonly decidedAt: Date | null;
  readonly usedAt: Date | null;
  /** Neither decided nor over. */
  readonly isWaiting: boolean;
}

/** One that two people decided on. */
export interface DecidedDestruction {
  readonly id: string;
  readonly projectId: string;
  readonly askedBy: string;
  readonly approvedBy: string;
  readonly isCertified: boolean;
}

export interface NamedObject {
  readonly kind: string;
  readonly sha256: string;
}

/** One that nobody approves runs out. */
const WAIT_DAYS = 7;

const SELECT = `
  SELECT d.id, d.project_id AS "projectId", p.name AS project, d.reason, d.asked_by AS "askedBy", d.created_at AS "createdAt",
         d.expires_at AS "expiresAt", d.approved_by AS "approvedBy", d.decided_at AS "decidedAt", d.used_at AS "usedAt",
         d.decided_at IS NULL AND d.expires_at > now() AS "isWaiting"
    FROM key_destructions d JOIN projects p ON p.id = d.project_id`;

/** Every object that a project's rows name, but for those whose deletion was certified before. */
const OBJECTS = `
  SELECT kind::text AS kind, sha256 FROM assets WHERE project_id = $1 AND complete
  UNION SELECT 'analysis', n.sha256 FROM analyses n JOIN assets p ON p.id = n.plate_asset_id
   WHERE p.project_id = $1 AND n.sha256 IS NOT NULL
  UNION SELECT made.kind, made.sha256 FROM (
    SELECT 'segment' AS kind, g.sha256, t.shot_version_id FROM segments g JOIN tasks t ON t.id = g.task_id WHERE t.project_id = $1
    UNION ALL SELECT 'delivery', d.sha256, d.shot_version_id FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id
      JOIN shots s ON s.id = v.shot_id WHERE s.project_id = $1
    UNION ALL SELECT 'upload', a.result->>'sha256', t.shot_version_id FROM attempts a JOIN tasks t ON t.id = a.task_id
     WHERE t.project_id = $1 AND t.kind = 'render' AND a.result ? 'sha256') AS made
   WHERE NOT EXISTS (SELECT 1 FROM deletions x WHERE x.shot_version_id = made.shot_version_id AND x.done_at IS NOT NULL)
  ORDER BY kind, sha256`;

@Injectable()
export class KeyDestructionRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly seals: RecordSeals,
  ) {}

  async projectNamed(sql: Sql, projectId: string): Promise<{ name: string; isDestroyed: boolean } | undefined> {
    const [row] = await sql.query<{ name: string; isDestroyed: boolean }>(
      'SELECT name, key_destroyed_at IS NOT NULL AS "isDestroyed" FROM projects WHERE id = $1::uuid FOR UPDATE',
      [projectId],
    );
    return row;
  }

  async isWaiting(sql: Sql, projectId: string): Promise<boolean> {
    const rows = await sql.query(
      'SELECT 1 FROM key_destructions WHERE project_id = $1::uuid AND decided_at IS NULL AND expires_at > now()',
      [projectId],
    );
    return rows.length > 0;
  }

  async make(sql: Sql, { projectId, reason, askedBy }: Pick<KeyDestructionRow, 'projectId' | 'reason' | 'askedBy'>) {
    const id = randomUUID();
    await sql.query(
      `INSERT INTO key_destructions (id, project_id, reason, asked_by, expires_at)
       VALUES ($1::uuid, $2::uuid, $3, $4::uuid, now() + make_interval(days => ${WAIT_DAYS}))`,
      [id, projectId, reason, askedBy],
    );
    await sealRows(sql, this.seals, 'key_destructions', [id]);
    return await this.get(sql, id);
  }

  async get(sql: Sql, id: string): Promise<KeyDestructionRow> {
    const [row] = await sql.query<KeyDestructionRow>(`${SELECT} WHERE d.id = $1::uuid`, [id]);
    if (row === undefined) throw new Error('a key destruction went away');
    return row;
  }

  /** Holds the row until the transaction ends. */
  async hold(sql: Sql, id: string): Promise<KeyDestructionRow | undefined> {
    const [row] = await sql.query<KeyDestructionRow>(`${SELECT} WHERE d.id = $1::uuid FOR UPDATE OF d`, [id]);
    return row;
  }

  /** Those that wait, and those that were approved. */
  async list(actor: Actor, { projectId, ...page }: RouteInput<'listKeyDestructions'>['query']) {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'KeyDestruction');
    const stands = { OR: [{ decidedAt: null, expiresAt: { gt: this.clock.now() } }, { approvedBy: { not: null } }] };
    const ofProject = projectId === undefined ? {} : { projectId };
    const rows = await this.database.prisma.keyDestruction.findMany({
      where: { AND: [mine, stands, ofProject, where] },
      include: { project: { select: { name: true } } },
      ...rest,
    });
    return rows.map(({ project, ...row }) => ({ ...row, project: project.name }));
  }

  async decide(sql: Sql, id: string, how: 'approved_by' | 'declined_by', by: string): Promise<void> {
    await sql.query(`UPDATE key_destructions SET ${how} = $2::uuid, decided_at = now() WHERE id = $1::uuid`, [id, by]);
    await sealRows(sql, this.seals, 'key_destructions', [id]);
  }

  /** @throws UnderstudyError RECORD_ALTERED for one that was written past the service */
  async requireOwn(sql: Sql, id: string): Promise<void> {
    if ((await alteredRows(sql, this.seals, 'key_destructions', [id])).length === 0) return;
    throw new UnderstudyError(
      'RECORD_ALTERED',
      'What was asked for or decided was changed past the service: ask anew.',
    );
  }

  /** From here on nothing is made in the project, and nobody is told of it outside. */
  async endProject(sql: Sql, projectId: string): Promise<void> {
    await sql.query('SELECT 1 FROM projects WHERE id = $1::uuid FOR UPDATE', [projectId]);
    await sql.query('UPDATE projects SET key_destroyed_at = now() WHERE id = $1::uuid', [projectId]);
    await sql.query(
      `UPDATE webhook_deliveries d SET state = 'failed', error = 'the project ended', settled_at = now()
         FROM webhooks w WHERE w.id = d.webhook_id AND w.project_id = $1::uuid AND d.state = 'pending'`,
      [projectId],
    );
    await sql.query('UPDATE webhooks SET disabled_at = now() WHERE project_id = $1::uuid AND disabled_at IS NULL', [
      projectId,
    ]);
  }

  decided(sql: Sql): Promise<DecidedDestruction[]> {
    return sql.query<DecidedDestruction>(
      `SELECT id, project_id AS "projectId", asked_by AS "askedBy", approved_by AS "approvedBy", used_at IS NOT NULL AS "isCertified"
         FROM key_destructions WHERE approved_by IS NOT NULL ORDER BY decided_at, id`,
    );
  }

  objects(sql: Sql, projectId: string): Promise<NamedObject[]> {
    return sql.query<NamedObject>(OBJECTS, [projectId]);
  }

  /** Under these ids something may have begun to arrive: images and plates, and what lanes made. */
  async uploads(sql: Sql, projectId: string): Promise<string[]> {
    const rows = await sql.query<{ id: string }>(
      `SELECT id FROM assets WHERE project_id = $1 AND NOT complete
       UNION ALL SELECT a.id FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE t.project_id = $1`,
      [projectId],
    );
    return rows.map(({ id }) => id);
  }

  /** @returns how many face templates there were, of performers, images and tracks */
  async forgetFaces(sql: Sql, projectId: string): Promise<number> {
    const [row] = await sql.query<{ faces: number }>(
      `WITH enrolled AS (
         DELETE FROM performer_faces f USING performers p WHERE p.id = f.performer_id AND p.project_id = $1 RETURNING 1),
       read AS (DELETE FROM face_templates f USING assets a WHERE a.id = f.asset_id AND a.project_id = $1 RETURNING 1),
       tracked AS (
         UPDATE tracks t SET template = NULL FROM analyses n JOIN assets a ON a.id = n.plate_asset_id
          WHERE n.id = t.analysis_id AND a.project_id = $1 AND t.template IS NOT NULL RETURNING 1)
       SELECT ((SELECT count(*) FROM enrolled) + (SELECT count(*) FROM read) + (SELECT count(*) FROM tracked))::int AS faces`,
      [projectId],
    );
    return row?.faces ?? 0;
  }

  async forgetLogs(sql: Sql, projectId: string): Promise<void> {
    await sql.query(
      `DELETE FROM attempt_logs l USING attempts a JOIN tasks t ON t.id = a.task_id
        WHERE a.id = l.attempt_id AND t.project_id = $1`,
      [projectId],
    );
  }

  /** @returns false where somebody else did it in between */
  async markCertified(sql: Sql, id: string): Promise<boolean> {
    const rows = await sql.query(
      'UPDATE key_destructions SET used_at = now() WHERE id = $1 AND used_at IS NULL RETURNING 1',
      [id],
    );
    return rows.length === 1;
  }
}
