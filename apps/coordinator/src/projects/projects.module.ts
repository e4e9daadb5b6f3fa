import { Module } from '@nestjs/common';
import { RolesModule } from '../roles/roles.module.js';
import { ShotsModule } from '../shots/shots.module.js';
import { ProjectShares } from './project-shares.js';
import { ProjectRepository } from './project.repository.js';
import { ProjectService } from './project.service.js';
import { ProjectsController } from './projects.controller.js';

@Module({
  imports: [RolesModule, ShotsModule],
  controllers: [ProjectsController],
  providers: [ProjectRepository, ProjectShares, ProjectService],
})
export class ProjectsModule {}
