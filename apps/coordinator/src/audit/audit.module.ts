import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ErrorFilter } from '../errors/error.filter.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditController } from './audit.controller.js';
import { AuditRepository } from './audit.repository.js';
import { AuditWriter } from './audit-writer.js';
import { DenialAudit } from './denial-audit.js';

@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AuditCheckpoints,
    AuditRepository,
    AuditWriter,
    DenialAudit,
    { provide: APP_FILTER, useClass: ErrorFilter },
  ],
  exports: [AuditCheckpoints, AuditWriter],
})
export class AuditModule {}
