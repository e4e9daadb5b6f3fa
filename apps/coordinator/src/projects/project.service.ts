import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type ProjectRole, type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { type Database, isUniqueViolation, type Tx } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { pageOf } from '../platform/paging.js';
import { CONFIG, DATABASE } from '../platform/tokens.js';
import { RoleGiving } from '../roles/role-giving.service.js';
import { type NewProject, ProjectRepository } from './project.repository.js';

/** What the one person of a local run needs to be. */
const LOCAL_ROLES: readonly ProjectRole[] = ['producer', 'consent_officer'];

const shown = <Row extends { createdAt: Date; keyDestroyedAt: Date | null }>(row: Row) => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
  keyDestroyedAt: row.keyDestroyedAt?.toISOString() ?? null,
});

@Injectable()
export class ProjectService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    private readonly projects: ProjectRepository,
    private readonly giving: RoleGiving,
    private readonly audit: AuditWriter,
  ) {}

  async list(actor: Actor, query: RouteInput<'listProjects'>['query']): Promise<RouteOutput<'listProjects'>> {
    return pageOf(await this.projects.list(actor, query), query, shown);
  }

  /** @throws UnderstudyError PROFILE_REFUSED, CONSENT_LEVEL_TOO_LOW, CONFLICT when the name is taken */
  async create(actor: Actor, body: RouteInput<'createProject'>['body']): Promise<RouteOutput<'createProject'>> {
    const project = this.planned(body);
    try {
      return shown(await this.database.transaction((tx) => this.insert(tx, actor, project)));
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      throw new UnderstudyError('CONFLICT', 'There is a project of this name already.', { cause: thrown });
    }
  }

  /** @throws UnderstudyError NOT_FOUND, FORBIDDEN for a role given to oneself */
  async grant(
    actor: Actor,
    projectId: string,
    { userId, role }: RouteInput<'grantMembership'>['body'],
  ): Promise<'given' | 'pending'> {
    if (userId === actor.id) throw new UnderstudyError('FORBIDDEN', 'Nobody gives a role to themselves.');
    return await this.database.transaction(async (tx) => {
      if (!(await this.projects.exists(tx, projectId, userId))) throw notFound('project or user');
      return await this.giving.give(tx, actor, { projectId, userId, role });
    });
  }

  private planned(body: RouteInput<'createProject'>['body']): NewProject {
    const { name, profile, commercial } = body;
    if (profile === 'local' && !this.config.ALLOW_LOCAL_PROFILE) {
      throw new UnderstudyError('PROFILE_REFUSED', 'This farm takes no local projects; create one of profile farm.');
    }
    const leastLevel = body.leastLevel ?? (profile === 'local' ? 'L0' : 'L1');
    if (profile === 'farm' && leastLevel === 'L0') {
      throw new UnderstudyError('CONSENT_LEVEL_TOO_LOW', 'A project of a farm asks for consents of level L1 at least.');
    }
    return { id: randomUUID(), name, profile, leastLevel, commercial };
  }

  private async insert(tx: Tx, actor: Actor, project: NewProject) {
    const { id, profile, leastLevel, commercial } = project;
    const row = await this.projects.create(tx, project);
    await this.audit.append(tx, {
      actor: actor.label,
      action: 'project.created',
      subjectType: 'Project',
      subjectId: id,
      projectId: id,
      data: { profile, leastLevel, commercial },
    });
    if (profile === 'local') {
      for (const role of LOCAL_ROLES) await this.giving.give(tx, actor, { projectId: id, userId: actor.id, role });
    }
    return row;
  }
}
