import { Module } from '@nestjs/common';
import { ProjectRepository } from './project.repository.js';
import { ProjectService } from './project.service.js';
import { ProjectsController } from './projects.controller.js';

@Module({ controllers: [ProjectsController], providers: [ProjectRepository, ProjectService] })
export class ProjectsModule {}
