import { Module } from '@nestjs/common';
import { AttemptLogsModule } from '../attempt-logs/attempt-logs.module.js';
import { ObjectsModule } from '../objects/objects.module.js';
import { PerformersModule } from '../performers/performers.module.js';
import { ConsentExpiry } from './consent-expiry.js';
import { ConsentHoldsService } from './consent-holds.service.js';
import { ConsentImportService } from './consent-import.service.js';
import { ConsentLifeService } from './consent-life.service.js';
import { ConsentReceiptsService } from './consent-receipts.service.js';
import { ConsentRevocations } from './consent-revocations.service.js';
import { ConsentRepository } from './consent.repository.js';
import { ConsentsController } from './consents.controller.js';
import { DeletionRepository } from './deletion.repository.js';
import { Deletions } from './deletions.js';
import { ShotWithdrawal } from './shot-withdrawal.js';

@Module({
  imports: [AttemptLogsModule, ObjectsModule, PerformersModule],
  controllers: [ConsentsController],
  providers: [
    ConsentExpiry,
    ConsentHoldsService,
    ConsentImportService,
    ConsentLifeService,
    ConsentReceiptsService,
    ConsentRepository,
    ConsentRevocations,
    DeletionRepository,
    Deletions,
    ShotWithdrawal,
  ],
  exports: [ConsentReceiptsService, ConsentRepository, ConsentRevocations, ShotWithdrawal],
})
export class ConsentsModule {}
