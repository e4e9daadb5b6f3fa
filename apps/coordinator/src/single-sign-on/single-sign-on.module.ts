import { Module } from '@nestjs/common';
import { InvitationsModule } from '../invitations/invitations.module.js';
import { UsersModule } from '../users/users.module.js';
import { Provider } from './provider.js';
import { SingleSignOnController } from './single-sign-on.controller.js';
import { SingleSignOnRepository } from './single-sign-on.repository.js';
import { SingleSignOn } from './single-sign-on.service.js';

@Module({
  imports: [InvitationsModule, UsersModule],
  controllers: [SingleSignOnController],
  providers: [Provider, SingleSignOn, SingleSignOnRepository],
})
export class SingleSignOnModule {}
