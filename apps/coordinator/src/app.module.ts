import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { AssetsModule } from './assets/assets.module.js';
import { AttemptLogsModule } from './attempt-logs/attempt-logs.module.js';
import { AuditModule } from './audit/audit.module.js';
import type { Config } from './config/config.js';
import { ConsentsModule } from './consents/consents.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { HealthModule } from './health/health.module.js';
import { InvitationsModule } from './invitations/invitations.module.js';
import { KeyDestructionModule } from './key-destruction/key-destruction.module.js';
import type { Logger } from './platform/logger.js';
import { ModelsModule } from './models/models.module.js';
import { ObjectsModule } from './objects/objects.module.js';
import { OpenApiModule } from './openapi/openapi.module.js';
import { PortalModule } from './portal/portal.module.js';
import { PerformersModule } from './performers/performers.module.js';
import { PlatformModule } from './platform/platform.module.js';
import { ConsentsGateModule } from './consents-gate/consents-gate.module.js';
import { RolesModule } from './roles/roles.module.js';
import { ShardsModule } from './shards/shards.module.js';
import { TasksModule } from './shards/tasks.module.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';
import { ShotsModule } from './shots/shots.module.js';
import { SealingModule } from './sealing/sealing.module.js';
import { SingleSignOnModule } from './single-sign-on/single-sign-on.module.js';
import { StagesModule } from './stages/stages.module.js';
import { StillsModule } from './stills/stills.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { WorkersModule } from './workers/workers.module.js';
import { ProjectsModule } from './projects/projects.module.js';
import { UsersModule } from './users/users.module.js';
import type { Clock } from './platform/tokens.js';

@Module({})
export class AppModule {
  static with(config: Config, logger: Logger, clock?: Clock): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PlatformModule.with(config, logger, clock),
        SealingModule,
        // First, for the router tries routes in this order and lanes ask most.
        ShardsModule,
        TasksModule,
        AccessModule,
        AuditModule,
        HealthModule,
        MetricsModule,
        UsersModule,
        RolesModule,
        InvitationsModule,
        SingleSignOnModule,
        ProjectsModule,
        KeyDestructionModule,
        PerformersModule,
        ConsentsModule,
        AssetsModule,
        OpenApiModule,
        ConsentsGateModule,
        ModelsModule,
        StagesModule,
        ShotsModule,
        AttemptLogsModule,
        WebhooksModule,
        ObjectsModule,
        DeliveriesModule,
        StillsModule,
        PortalModule,
        WorkersModule,
      ],
    };
  }
}
