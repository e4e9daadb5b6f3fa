import { Inject, Injectable } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { TASKS_CHANNEL } from '../shards/wake-ups.js';
import { OutlookRepository } from '../shots/outlook.repository.js';

/** A project's part of the lanes: what it may have, and what it had. */
@Injectable()
export class ProjectShares {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly outlooks: OutlookRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** Acts on the next claim. @throws UnderstudyError NOT_FOUND */
  async set(
    actor: Actor,
    projectId: string,
    share: RouteInput<'setProjectShare'>['body'],
  ): Promise<RouteOutput<'setProjectShare'>> {
    const mine = accessibleTo(actor.ability, 'share', 'Project');
    const found = await this.database.prisma.project.count({ where: { AND: [{ id: projectId }, mine] } });
    if (found === 0) throw notFound('project');
    await this.database.hotTransaction(async (sql) => {
      await sql.query('UPDATE projects SET share_weight = $2, most_lanes = $3 WHERE id = $1', [
        projectId,
        share.weight,
        share.mostLanes,
      ]);
      const subject = { subjectType: 'Project', subjectId: projectId, projectId };
      await this.audit.append(sql, { actor: actor.label, action: 'project.share_set', ...subject, data: { ...share } });
      await sql.query(`SELECT pg_notify($1, '')::text`, [TASKS_CHANNEL]);
    });
    return share;
  }

  async cost(actor: Actor, projectId: string): Promise<RouteOutput<'getProjectCost'>> {
    const mine = accessibleTo(actor.ability, 'read', 'Project');
    const found = await this.database.prisma.project.count({ where: { AND: [{ id: projectId }, mine] } });
    if (found === 0) throw notFound('project');
    const { shots, ...laneSeconds } = await this.outlooks.costOfProject(projectId);
    return { projectId, shots, laneSeconds };
  }
}
