import { Controller } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { ProjectShares } from './project-shares.js';
import { ProjectService } from './project.service.js';

@Controller()
export class ProjectsController {
  constructor(
    private readonly projects: ProjectService,
    private readonly shares: ProjectShares,
  ) {}

  @Handle('listProjects', { action: 'read', subject: 'Project' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listProjects'>,
  ): Promise<RouteOutput<'listProjects'>> {
    return this.projects.list(actor, query);
  }

  @Handle('createProject', { action: 'create', subject: 'Project' })
  create(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'createProject'>,
  ): Promise<RouteOutput<'createProject'>> {
    return this.projects.create(actor, body);
  }

  @Handle('setProjectShare', { action: 'share', subject: 'Project' })
  setShare(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'setProjectShare'>,
  ): Promise<RouteOutput<'setProjectShare'>> {
    return this.shares.set(actor, params.projectId, body);
  }

  @Handle('getProjectCost', { action: 'read', subject: 'Project' })
  cost(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getProjectCost'>,
  ): Promise<RouteOutput<'getProjectCost'>> {
    return this.shares.cost(actor, params.projectId);
  }

  @Handle('grantMembership', { action: 'grant', subject: 'Membership' })
  async grant(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'grantMembership'>,
  ): Promise<RouteOutput<'grantMembership'>> {
    return { ok: true, pending: (await this.projects.grant(actor, params.projectId, body)) === 'pending' };
  }
}
