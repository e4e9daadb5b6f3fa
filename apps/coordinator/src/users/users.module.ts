import { Module } from '@nestjs/common';
import { SessionController } from './session.controller.js';
import { SessionRepository } from './session.repository.js';
import { SessionService } from './session.service.js';
import { TokenService } from './token.service.js';
import { UserRepository } from './user.repository.js';
import { UserService } from './user.service.js';
import { UsersController } from './users.controller.js';

@Module({
  controllers: [SessionController, UsersController],
  providers: [SessionRepository, SessionService, TokenService, UserRepository, UserService],
})
export class UsersModule {}
