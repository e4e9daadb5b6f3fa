import { Inject, Injectable } from '@nestjs/common';
import type { ConsentLevel, ProjectProfile } from '@understudy/contracts';
import type { Database, Prisma, Tx } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

export interface NewProject {
  id: string;
  name: string;
  profile: ProjectProfile;
  leastLevel: ConsentLevel;
  commercial: boolean;
}

type ProjectRow = Prisma.ProjectGetPayload<object>;

@Injectable()
export class ProjectRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  list(actor: Actor, page: PageQuery): Promise<ProjectRow[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'Project');
    return this.database.prisma.project.findMany({ where: { AND: [mine, where] }, ...rest });
  }

  create(tx: Tx, project: NewProject): Promise<ProjectRow> {
    return tx.prisma.project.create({ data: project });
  }

  async exists(tx: Tx, projectId: string, userId: string): Promise<boolean> {
    const project = await tx.prisma.project.count({ where: { id: projectId } });
    const user = await tx.prisma.user.count({ where: { id: userId, disabledAt: null } });
    return project === 1 && user === 1;
  }
}
