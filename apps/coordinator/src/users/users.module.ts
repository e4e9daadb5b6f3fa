import { Module } from '@nestjs/common';
import { RolesModule } from '../roles/roles.module.js';
import { BreakGlassModule } from '../break-glass/break-glass.module.js';
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
import { WhoAmI } from './who-am-i.js';

@Module({
  imports: [BreakGlassModule, RolesModule],
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
    WhoAmI,
  ],
  exports: [Credentials, SecondFactorRepository, SessionCookie, SessionService, UserRepository, WhoAmI],
})
export class UsersModule {}
