import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ErrorFilter } from '../errors/error.filter.js';
import { Anchor } from './anchor.js';
import { AnchorHold } from './anchor-hold.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditController } from './audit.controller.js';
import { AuditExport } from './audit-export.js';
import { AuditRepository } from './audit.repository.js';
import { AuditWriter } from './audit-writer.js';
import { DenialAudit } from './denial-audit.js';
import { EvidenceRepository } from './evidence.repository.js';
import { EvidenceService } from './evidence.js';
import { LogInclusion } from './log-inclusion.js';
import { LogKey } from './log-key.js';
import { RecordedRowsRepository } from './recorded-rows.repository.js';
import { SettingsAudit } from './settings-audit.js';
import { Sequencer } from './sequencer.js';
import { SequencerLoop } from './sequencer-loop.js';
import { TreeRepository } from './tree.repository.js';

@Global()
@Module({
  controllers: [AuditController],
  providers: [
    Anchor,
    AnchorHold,
    AuditCheckpoints,
    AuditExport,
    AuditRepository,
    AuditWriter,
    DenialAudit,
    EvidenceRepository,
    EvidenceService,
    LogInclusion,
    LogKey,
    RecordedRowsRepository,
    Sequencer,
    SequencerLoop,
    SettingsAudit,
    TreeRepository,
    { provide: APP_FILTER, useClass: ErrorFilter },
  ],
  exports: [AnchorHold, AuditCheckpoints, AuditWriter, LogInclusion, LogKey],
})
export class AuditModule {}
