import { Inject, Injectable } from '@nestjs/common';
import { type UnderstudyError, Uuid } from '@understudy/contracts';
import { type Database, hashTokenSecret } from '@understudy/db';
import type { Request } from 'express';
import { secretsOf } from '../access/request-secret.js';
import type { Logger } from '../platform/logger.js';
import { type Clock, CLOCK, DATABASE, LOGGER } from '../platform/tokens.js';
import { AuditWriter, type NewAuditEvent } from './audit-writer.js';
import { DenialRepository } from './denial.repository.js';

/** A console whose session ran out asks on and on: one line tells of it. */
const SAME_TOKEN_MS = 600_000;
const MOST_KEPT = 1000;

/**
 * Each denial of somebody who is known leaves a line: forbidden, or not there for them, which they cannot tell apart; an
 * address that opens no more; a token that holds no more. It is of the project of what was asked for, whose auditors see it.
 */
@Injectable()
export class DenialAudit {
  /** When a token that holds no more was last told of, by its id. */
  readonly #told = new Map<string, number>();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly audit: AuditWriter,
    private readonly denials: DenialRepository,
  ) {}

  async record(request: Request, error: UnderstudyError): Promise<void> {
    try {
      const event = await this.#eventOf(request, error);
      if (event !== null) await this.audit.append(this.database, event);
    } catch (failure) {
      // The answer is a refusal either way; it must not turn into another one.
      this.logger.error({ err: failure, requestId: request.requestId }, 'a denial could not be audited');
    }
  }

  async #eventOf(request: Request, error: UnderstudyError): Promise<NewAuditEvent | null> {
    const { code, status } = error;
    if (status === 401) return await this.#ofToken(request, code);
    if (status !== 403 && status !== 404) return null;
    if (request.urlClaims !== undefined) return addressDenied(request, code);
    const { actor } = request;
    return actor === undefined ? null : await this.#denied(request, actor.label, { code });
  }

  /** Of a secret that was never a token's nobody knows whose it is; guesses are counted elsewhere. */
  async #ofToken(request: Request, code: string): Promise<NewAuditEvent | null> {
    const { bearer, cookie } = secretsOf(request);
    const secret = bearer ?? cookie;
    const token = secret === undefined ? undefined : await this.denials.token(this.database, hashTokenSecret(secret));
    if (token === undefined || this.#wasTold(token.id)) return null;
    const owner = token.kind === 'worker' ? 'worker' : 'user';
    return await this.#denied(request, `${owner}:${token.ownerId}`, { code, token: token.id });
  }

  #wasTold(tokenId: string): boolean {
    const nowMs = this.clock.now().getTime();
    const lastMs = this.#told.get(tokenId) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - lastMs < SAME_TOKEN_MS) return true;
    if (this.#told.size >= MOST_KEPT) this.#told.clear();
    this.#told.set(tokenId, nowMs);
    return false;
  }

  async #denied(request: Request, actor: string, why: Record<string, unknown>): Promise<NewAuditEvent | null> {
    const { access } = request;
    if (access === undefined) return null;
    const ids = Object.entries(request.params).filter(([, value]) => Uuid.safeParse(value).success);
    const named = ids.map(([, value]) => String(value));
    const projectId = await this.denials.projectOf(this.database, named);
    return {
      actor,
      action: 'access.denied',
      subjectType: access.subject,
      subjectId: named.at(-1) ?? '-',
      ...(projectId === null ? {} : { projectId }),
      data: { permission: access.action, ...why, ids: Object.fromEntries(ids), method: request.method },
    };
  }
}

function addressDenied({ urlClaims = {}, method }: Request, code: string): NewAuditEvent {
  const { workerId, projectId, sha256, shotVersionId, taskId } = urlClaims;
  return {
    actor: `worker:${workerId ?? '-'}`,
    action: 'access.denied',
    subjectType: shotVersionId === undefined ? 'Task' : 'ShotVersion',
    subjectId: shotVersionId ?? taskId ?? '-',
    ...(projectId === undefined ? {} : { projectId }),
    data: { permission: 'read', code, address: true, sha256: sha256 ?? null, method },
  };
}
