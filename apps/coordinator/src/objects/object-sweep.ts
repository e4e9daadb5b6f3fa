import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { Metrics } from '../metrics/metrics.js';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER, OBJECT_STORE } from '../platform/tokens.js';

const EVERY_MS = 3600_000;
/** What is younger may be named by a transaction that is still to commit. */
const ORPHAN_AFTER_MS = 24 * 3600_000;
const BATCH = 500;
/** Any number of one's own; replicas that hold it take turns. */
const LOCK = 72_707_433;

interface NamedObject {
  readonly projectId: string;
  readonly sha256: string;
}

/** Of these objects, those that some row of their project names, whatever for; none of a project whose key was destroyed. */
const NAMED = `
  SELECT w.project_id AS "projectId", w.sha256 FROM unnest($1::uuid[], $2::text[]) AS w(project_id, sha256)
   WHERE NOT EXISTS (SELECT 1 FROM projects WHERE id = w.project_id AND key_destroyed_at IS NOT NULL) AND (
         EXISTS (SELECT 1 FROM assets WHERE sha256 = w.sha256 AND project_id = w.project_id)
      OR EXISTS (SELECT 1 FROM segments g JOIN tasks t ON t.id = g.task_id
                  WHERE g.sha256 = w.sha256 AND t.project_id = w.project_id)
      OR EXISTS (SELECT 1 FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id JOIN shots s ON s.id = v.shot_id
                  WHERE d.sha256 = w.sha256 AND s.project_id = w.project_id)
      OR EXISTS (SELECT 1 FROM analyses n JOIN assets p ON p.id = n.plate_asset_id
                  WHERE n.sha256 = w.sha256 AND p.project_id = w.project_id)
      OR EXISTS (SELECT 1 FROM attempts a JOIN tasks t ON t.id = a.task_id
                  WHERE a.result ->> 'sha256' = w.sha256 AND a.state IN ('running', 'reported', 'accepted')
                    AND t.project_id = w.project_id))`;

/** What has to be there: whatever was not deleted with the consent that it was made under, or with its project's key. */
const NEEDED = `
  SELECT DISTINCT sha256, project_id AS "projectId" FROM (
    SELECT sha256, project_id FROM assets WHERE complete
    UNION ALL SELECT n.sha256, p.project_id FROM analyses n JOIN assets p ON p.id = n.plate_asset_id
     WHERE n.linked_at IS NOT NULL
    UNION ALL SELECT g.sha256, t.project_id FROM segments g JOIN tasks t ON t.id = g.task_id
     WHERE NOT EXISTS (SELECT 1 FROM deletions x WHERE x.shot_version_id = t.shot_version_id AND x.done_at IS NOT NULL)
    UNION ALL SELECT d.sha256, s.project_id FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id
      JOIN shots s ON s.id = v.shot_id
     WHERE NOT EXISTS (SELECT 1 FROM deletions x WHERE x.shot_version_id = d.shot_version_id AND x.done_at IS NOT NULL)
  ) AS n WHERE (sha256, project_id) > ($1, $2::uuid)
     AND NOT EXISTS (SELECT 1 FROM projects WHERE id = n.project_id AND key_destroyed_at IS NOT NULL) ORDER BY sha256, project_id LIMIT ${BATCH}`;
const FIRST: NamedObject = { sha256: '', projectId: '00000000-0000-0000-0000-000000000000' };

/** Compares the store with the rows: deletes what no row names, and counts what rows name and is not there. */
@Injectable()
export class ObjectSweep implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly audit: AuditWriter,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.sweep(Date.now()).catch((error: unknown) => this.logger.warn({ err: error }, 'the sweep of objects failed'));
    }, EVERY_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** @returns hashes of what was deleted and of what is missing; null when another replica is at it */
  async sweep(nowMs: number): Promise<{ orphans: string[]; missing: string[] } | null> {
    return await this.database.hotTransaction(async (sql) => {
      const [lock] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [LOCK]);
      if (lock?.held !== true) return null;
      const orphans = await this.#deleteOrphans(nowMs - ORPHAN_AFTER_MS);
      const missing = await this.#missing();
      this.metrics.objects({ missing: missing.length, orphans: orphans.length });
      if (missing.length > 0) this.logger.error({ missing: missing.length }, 'objects that rows name are not there');
      return { orphans, missing };
    });
  }

  async #deleteOrphans(beforeMs: number): Promise<string[]> {
    const deleted: string[] = [];
    let batch: NamedObject[] = [];
    const flush = async (): Promise<void> => {
      deleted.push(...(await this.#deleteUnnamed(batch)));
      batch = [];
    };
    for await (const { projectId, sha256, storedAt } of this.objects.list()) {
      if (storedAt.getTime() >= beforeMs) continue;
      batch.push({ projectId, sha256 });
      if (batch.length === BATCH) await flush();
    }
    await flush();
    return deleted;
  }

  async #deleteUnnamed(stored: readonly NamedObject[]): Promise<string[]> {
    if (stored.length === 0) return [];
    const rows = await this.database.query<NamedObject>(NAMED, [
      stored.map(({ projectId }) => projectId),
      stored.map(({ sha256 }) => sha256),
    ]);
    const named = new Set(rows.map(({ projectId, sha256 }) => `${projectId} ${sha256}`));
    const deleted: string[] = [];
    for (const { projectId, sha256 } of stored) {
      const isOrphan = !named.has(`${projectId} ${sha256}`);
      if (isOrphan && (await this.objects.of(projectId).delete(sha256))) deleted.push(sha256);
    }
    if (deleted.length > 0) {
      await this.audit.append(this.database, {
        actor: SYSTEM_ACTOR,
        action: 'objects.orphans_deleted',
        subjectType: 'ObjectStore',
        subjectId: '-',
        data: { sha256s: deleted },
      });
    }
    return deleted;
  }

  async #missing(): Promise<string[]> {
    const missing: string[] = [];
    for (let after = FIRST; ;) {
      const needed = await this.database.query<NamedObject>(NEEDED, [after.sha256, after.projectId]);
      for (const { projectId, sha256 } of needed) {
        if (!(await this.#isThere({ projectId, sha256 }))) missing.push(sha256);
      }
      const last = needed.at(-1);
      if (last === undefined || needed.length < BATCH) return missing;
      after = last;
    }
  }

  /** What a database restored from before a project's end still names is not there either. */
  async #isThere({ projectId, sha256 }: NamedObject): Promise<boolean> {
    try {
      return (await this.objects.of(projectId).stat(sha256)) !== null;
    } catch (thrown) {
      if (thrown instanceof UnderstudyError && thrown.code === 'PROJECT_KEY_DESTROYED') return false;
      throw thrown;
    }
  }
}
