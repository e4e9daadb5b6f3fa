import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ErrorFilter } from '../errors/error.filter.js';
import { AuditWriter } from './audit-writer.js';
import { DenialAudit } from './denial-audit.js';

@Global()
@Module({
  providers: [AuditWriter, DenialAudit, { provide: APP_FILTER, useClass: ErrorFilter }],
  exports: [AuditWriter],
})
export class AuditModule {}
