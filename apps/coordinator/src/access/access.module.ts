import { Global, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { Authenticator } from './authenticator.js';
import { DefaultDeny } from './default-deny.js';
import { RoleSeals } from './role-seals.js';
import { SignedUrls } from './signed-urls.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [Authenticator, RoleSeals, SignedUrls, DefaultDeny, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [Authenticator, SignedUrls],
})
export class AccessModule {}
