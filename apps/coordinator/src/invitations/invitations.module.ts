import { Module } from '@nestjs/common';
import { RolesModule } from '../roles/roles.module.js';
import { UsersModule } from '../users/users.module.js';
import { InvitationRepository } from './invitation.repository.js';
import { InvitationService } from './invitation.service.js';
import { InvitationsController } from './invitations.controller.js';

@Module({
  imports: [RolesModule, UsersModule],
  controllers: [InvitationsController],
  providers: [InvitationRepository, InvitationService],
  exports: [InvitationService],
})
export class InvitationsModule {}
