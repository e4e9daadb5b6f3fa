import { Inject, Injectable } from '@nestjs/common';
import { type UnderstudyError, Uuid } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Request } from 'express';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER } from '../platform/tokens.js';
import { AuditWriter } from './audit-writer.js';

/** Each denial of somebody who is signed in leaves a line: forbidden, or not there for them, which they cannot tell apart. */
@Injectable()
export class DenialAudit {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly audit: AuditWriter,
  ) {}

  async record(request: Request, error: UnderstudyError): Promise<void> {
    const { actor, access } = request;
    if (actor === undefined || access === undefined) return;
    if (error.status !== 403 && error.status !== 404) return;
    const ids = Object.entries(request.params).filter(([, value]) => Uuid.safeParse(value).success);
    try {
      await this.audit.append(this.database, {
        actor: actor.label,
        action: 'access.denied',
        subjectType: access.subject,
        subjectId: String(ids.at(-1)?.[1] ?? '-'),
        data: { permission: access.action, code: error.code, ids: Object.fromEntries(ids), method: request.method },
      });
    } catch (failure) {
      // The answer is a refusal either way; it must not turn into another one.
      this.logger.error({ err: failure, requestId: request.requestId }, 'a denial could not be audited');
    }
  }
}
