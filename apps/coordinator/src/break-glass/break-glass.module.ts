import { Module } from '@nestjs/common';
import { RolesModule } from '../roles/roles.module.js';
import { BreakGlassController } from './break-glass.controller.js';
import { BreakGlassRepository } from './break-glass.repository.js';
import { BreakGlass } from './break-glass.service.js';

@Module({
  imports: [RolesModule],
  controllers: [BreakGlassController],
  providers: [BreakGlass, BreakGlassRepository],
  exports: [BreakGlass],
})
export class BreakGlassModule {}
