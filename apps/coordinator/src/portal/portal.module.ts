import { Module } from '@nestjs/common';
import { ConsentsModule } from '../consents/consents.module.js';
import { ObjectsModule } from '../objects/objects.module.js';
import { PerformerKeys } from './performer-keys.js';
import { PortalController } from './portal.controller.js';
import { PortalPreviews } from './portal-previews.js';
import { PortalRepository } from './portal.repository.js';
import { PortalSigning } from './portal-signing.js';

/** What performers may see and do: of their own consents, and of what was made under them. */
@Module({
  imports: [ConsentsModule, ObjectsModule],
  controllers: [PortalController],
  providers: [PerformerKeys, PortalPreviews, PortalRepository, PortalSigning],
})
export class PortalModule {}
