import { Module } from '@nestjs/common';
import { RolesModule } from '../roles/roles.module.js';
import { AccountController } from './account.controller.js';
import { AccountService } from './account.service.js';
import { Credentials } from './credentials.js';
import { SecondFactorRepository } from './second-factor.repository.js';
import { SessionCookie } from './session-cookie.js';
import { SessionController } from './session.controller.js';
import { SessionRepository } from './session.repository.js';
import { SessionService } from './session.service.js';
import { TokenService } from './token.service.js';
import { UserRepository } from './user.repository.js';
import { UserService } from './user.service.js';
import { UsersController } from './users.controller.js';

@Module({
  imports: [RolesModule],
  controllers: [AccountController, SessionController, UsersController],
  providers: [
    AccountService,
    Credentials,
    SecondFactorRepository,
    SessionCookie,
    SessionRepository,
    SessionService,
    TokenService,
    UserRepository,
    UserService,
  ],
  exports: [SessionService],
})
export class UsersModule {}
