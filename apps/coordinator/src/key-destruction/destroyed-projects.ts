import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { LogInclusion } from '../audit/log-inclusion.js';
import { KeptPictures } from '../objects/kept-pictures.js';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER, OBJECT_STORE } from '../platform/tokens.js';
import { ProjectKeys } from '../sealing/project-keys.js';
import { type DecidedDestruction, KeyDestructionRepository, type NamedObject } from './key-destruction.repository.js';

const EVERY_MS = 30_000;
/** An event has room for so many. */
const OBJECTS_A_CERTIFICATE = 1000;
const NOT_YET = 'the end of a project was not carried out; it is tried again';

/**
 * Carries out what two people decided: the key first, then what it had sealed, then the certificate in the audit log. Killed in
 * between, it goes on. A key or an object that a restored backup brings back goes again.
 */
@Injectable()
export class DestroyedProjects implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly keys: ProjectKeys,
    private readonly pictures: KeptPictures,
    private readonly destructions: KeyDestructionRepository,
    private readonly audit: AuditWriter,
    private readonly log: LogInclusion,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.sweepSoon(), EVERY_MS);
    this.#timer.unref();
    this.sweepSoon();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  sweepSoon(): void {
    this.sweep().catch((error: unknown) => this.logger.warn({ err: error }, NOT_YET));
  }

  /**
   * Nothing is destroyed on a row's word alone, nor before the log has it for good.
   *
   * @returns the key's fingerprint. @throws UnderstudyError RECORD_ALTERED, LOG_BEHIND_ANCHOR
   */
  async destroyKey({ id, projectId }: Pick<DecidedDestruction, 'id' | 'projectId'>): Promise<string | null> {
    await this.destructions.requireOwn(this.database, id);
    await this.log.wait('key_destruction.approved', id);
    return this.keys.destroy(projectId);
  }

  /** @returns how many were certified */
  async sweep(): Promise<number> {
    let certified = 0;
    for (const decided of await this.destructions.decided(this.database)) {
      try {
        if (!decided.isCertified) certified += (await this.#carryOut(decided)) ? 1 : 0;
        else if (this.keys.isBack(decided.projectId)) await this.#destroyAgain(decided);
      } catch (thrown) {
        // The others need not wait for it.
        this.logger.warn({ err: thrown, projectId: decided.projectId }, NOT_YET);
      }
    }
    return certified;
  }

  /** A certificate is never written for what is still there. */
  async #carryOut(decided: DecidedDestruction): Promise<boolean> {
    const { id, projectId, askedBy, approvedBy } = decided;
    const keyFingerprint = await this.destroyKey(decided);
    const named = await this.destructions.objects(this.database, projectId);
    const deleted = withUnnamed(named, await this.#takeAway(projectId));
    return await this.database.hotTransaction(async (sql) => {
      if (!(await this.destructions.markCertified(sql, id))) return false;
      await this.destructions.forgetLogs(sql, projectId);
      const faces = await this.destructions.forgetFaces(sql, projectId);
      const parts = Math.max(1, Math.ceil(deleted.length / OBJECTS_A_CERTIFICATE));
      const all = { keyDestructionId: id, keyFingerprint, askedBy, approvedBy, objects: deleted.length, faces, parts };
      const events = Array.from({ length: parts }, (_, part) => ({
        actor: SYSTEM_ACTOR,
        action: 'deletion.certified',
        subjectType: 'Project',
        subjectId: projectId,
        projectId,
        data: {
          ...all,
          part,
          deleted: deleted.slice(part * OBJECTS_A_CERTIFICATE, (part + 1) * OBJECTS_A_CERTIFICATE),
        },
      }));
      await this.audit.appendAll(sql, events);
      return true;
    });
  }

  /** @returns the hashes of what was there */
  async #takeAway(projectId: string): Promise<string[]> {
    const gone: string[] = [];
    for await (const { sha256 } of this.objects.list(projectId)) {
      if (await this.objects.of(projectId).delete(sha256)) gone.push(sha256);
    }
    for (const uploadId of await this.destructions.uploads(this.database, projectId)) {
      await this.objects.discardUpload(uploadId);
    }
    await this.pictures.forgetProject(projectId);
    return gone;
  }

  async #destroyAgain(decided: DecidedDestruction): Promise<void> {
    const { id, projectId } = decided;
    const keyFingerprint = await this.destroyKey(decided);
    const objects = (await this.#takeAway(projectId)).length;
    this.logger.error({ projectId, objects }, 'a destroyed project key was brought back, and is destroyed again');
    await this.audit.append(this.database, {
      actor: SYSTEM_ACTOR,
      action: 'key_destruction.repeated',
      subjectType: 'KeyDestruction',
      subjectId: id,
      projectId,
      data: { keyFingerprint, objects },
    });
  }
}

/** What lay there and no row named, beside what rows name, whether it still lay there or not. */
function withUnnamed(named: readonly NamedObject[], gone: readonly string[]): NamedObject[] {
  const known = new Set(named.map(({ sha256 }) => sha256));
  const unnamed = gone.filter((sha256) => !known.has(sha256)).toSorted();
  return [...named, ...unnamed.map((sha256) => ({ kind: 'unnamed', sha256 }))];
}
