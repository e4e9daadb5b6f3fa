import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { AuditModule } from './audit/audit.module.js';
import type { Config } from './config/config.js';
import { HealthModule } from './health/health.module.js';
import type { Logger } from './platform/logger.js';
import { PlatformModule } from './platform/platform.module.js';
import type { Clock } from './platform/tokens.js';

@Module({})
export class AppModule {
  static with(config: Config, logger: Logger, clock?: Clock): DynamicModule {
    return {
      module: AppModule,
      imports: [PlatformModule.with(config, logger, clock), AccessModule, AuditModule, HealthModule],
    };
  }
}
