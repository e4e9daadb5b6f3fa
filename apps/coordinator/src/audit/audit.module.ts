import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ErrorFilter } from '../errors/error.filter.js';
import { CONFIG } from '../platform/tokens.js';
import { Anchor } from './anchor.js';
import { AnchorHold } from './anchor-hold.js';
import { ANCHOR_STORE } from './anchor-store.js';
import { AuditActsController } from './audit-acts.controller.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditController } from './audit.controller.js';
import { AuditExport } from './audit-export.js';
import { AuditRepository } from './audit.repository.js';
import { AuditWriter } from './audit-writer.js';
import { DenialAudit } from './denial-audit.js';
import { DenialRepository } from './denial.repository.js';
import { ErasureRepository } from './erasure.repository.js';
import { Erasures } from './erasures.js';
import { EvidenceRepository } from './evidence.repository.js';
import { EvidenceService } from './evidence.js';
import { LogInclusion } from './log-inclusion.js';
import { LogKey } from './log-key.js';
import { openAnchorStore } from './open-anchor-store.js';
import { PersonalData } from './personal-data.js';
import { RecordedRowsRepository } from './recorded-rows.repository.js';
import { RestoreRepository } from './restore.repository.js';
import { Restores } from './restores.js';
import { SettingsAudit } from './settings-audit.js';
import { Sequencer } from './sequencer.js';
import { SequencerLoop } from './sequencer-loop.js';
import { TreeRepository } from './tree.repository.js';

@Global()
@Module({
  controllers: [AuditController, AuditActsController],
  providers: [
    Anchor,
    AnchorHold,
    AuditCheckpoints,
    AuditExport,
    AuditRepository,
    AuditWriter,
    DenialAudit,
    DenialRepository,
    ErasureRepository,
    Erasures,
    EvidenceRepository,
    EvidenceService,
    LogInclusion,
    LogKey,
    PersonalData,
    RecordedRowsRepository,
    RestoreRepository,
    Restores,
    Sequencer,
    SequencerLoop,
    SettingsAudit,
    TreeRepository,
    { provide: ANCHOR_STORE, inject: [CONFIG], useFactory: openAnchorStore },
    { provide: APP_FILTER, useClass: ErrorFilter },
  ],
  exports: [AnchorHold, AuditCheckpoints, AuditWriter, LogInclusion, LogKey, PersonalData],
})
export class AuditModule {}
