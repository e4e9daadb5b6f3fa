import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { type Database, membershipRecord, performerAccountRecord, RecordSeals, userRecord } from '@understudy/db';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { SYSTEM_ACTOR } from './actor.js';

interface StoredRoles {
  readonly actorId: string;
  readonly farmRoles: readonly string[];
  readonly seal: string | null;
  readonly memberships: readonly { readonly projectId: string; readonly role: string; readonly seal: string | null }[];
  readonly performers: readonly { readonly performerId: string; readonly seal: string | null }[];
}

/** People whose altered roles are in the log already, of this process. */
const MOST_TOLD = 1000;

/** Roles count as they were granted by this service: a role that somebody wrote into the database stops the account. */
@Injectable()
export class RoleSeals {
  readonly #told = new Set<string>();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
    private readonly audit: AuditWriter,
  ) {}

  /** @throws UnderstudyError RECORD_ALTERED */
  async require(stored: StoredRoles): Promise<void> {
    const { actorId: userId, farmRoles, seal, memberships, performers } = stored;
    const altered = memberships
      .filter((one) => !this.seals.fits('memberships', membershipRecord({ ...one, userId }), one.seal))
      .map(({ projectId, role }) => `memberships ${projectId}/${userId}/${role}`);
    for (const { performerId, seal: own } of performers) {
      const record = performerAccountRecord({ performerId, userId });
      if (!this.seals.fits('performer_accounts', record, own))
        altered.push(`performer_accounts ${performerId}/${userId}`);
    }
    if (!this.seals.fits('users', userRecord({ id: userId, farmRoles }), seal)) altered.unshift(`users ${userId}`);
    if (altered.length === 0) return;
    await this.#tell(userId, altered);
    throw new UnderstudyError(
      'RECORD_ALTERED',
      'Your roles were changed past the service; somebody who may read the audit log has to look at it (audit verify).',
    );
  }

  async #tell(userId: string, rows: readonly string[]): Promise<void> {
    const key = rows.join();
    if (this.#told.has(key)) return;
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.add(key);
    await this.audit.append(this.database, {
      actor: SYSTEM_ACTOR,
      action: 'record.altered',
      subjectType: 'User',
      subjectId: userId,
      data: { rows },
    });
  }
}
