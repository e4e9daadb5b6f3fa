import { Controller } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { ProjectService } from './project.service.js';

@Controller()
export class ProjectsController {
  constructor(private readonly projects: ProjectService) {}

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

  @Handle('grantMembership', { action: 'grant', subject: 'Membership' })
  async grant(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'grantMembership'>,
  ): Promise<RouteOutput<'grantMembership'>> {
    await this.projects.grant(actor, params.projectId, body);
    return { ok: true };
  }
}
