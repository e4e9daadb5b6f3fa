import { Module } from '@nestjs/common';
import { RoleGiving } from './role-giving.service.js';
import { RoleRepository } from './role.repository.js';
import { RolesController } from './roles.controller.js';

@Module({
  controllers: [RolesController],
  providers: [RoleGiving, RoleRepository],
  exports: [RoleGiving, RoleRepository],
})
export class RolesModule {}
