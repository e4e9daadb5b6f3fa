import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { type ObjectStore, UnsealedObjects } from '@understudy/storage';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, DATABASE, LOGGER, OBJECT_STORE } from '../platform/tokens.js';
import { KeptPictures } from './kept-pictures.js';

const BATCH = 100;

/** Of these hashes, the projects whose rows name them, whatever for. */
const OWNERS = `
  SELECT w.sha256, array_agg(DISTINCT o.project_id::text) AS "projectIds" FROM unnest($1::text[]) AS w(sha256)
   CROSS JOIN LATERAL (
     SELECT project_id FROM assets WHERE sha256 = w.sha256
     UNION ALL SELECT t.project_id FROM segments g JOIN tasks t ON t.id = g.task_id WHERE g.sha256 = w.sha256
     UNION ALL SELECT s.project_id FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id
       JOIN shots s ON s.id = v.shot_id WHERE d.sha256 = w.sha256
     UNION ALL SELECT p.project_id FROM analyses n JOIN assets p ON p.id = n.plate_asset_id WHERE n.sha256 = w.sha256
     UNION ALL SELECT t.project_id FROM attempts a JOIN tasks t ON t.id = a.task_id
      WHERE a.result ->> 'sha256' = w.sha256 AND a.state IN ('running', 'reported', 'accepted')) AS o
   WHERE o.project_id IN (SELECT id FROM projects WHERE key_destroyed_at IS NULL) GROUP BY w.sha256`;

/**
 * Seals what a farm had stored before objects were sealed, at the first start, before anything is served or worked on. What no
 * row names goes. Killed in between, the next start goes on; where there is nothing in the clear, it looks at one folder.
 */
@Injectable()
export class FirstEncryption implements OnModuleInit {
  readonly #unsealed: UnsealedObjects;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'DATA_DIR'>,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly pictures: KeptPictures,
  ) {
    this.#unsealed = new UnsealedObjects(config.DATA_DIR);
  }

  async onModuleInit(): Promise<void> {
    await this.pictures.forgetUnsealed();
    let done = 0;
    let batch: string[] = [];
    const flush = async (): Promise<void> => {
      await this.#seal(batch);
      done += batch.length;
      batch = [];
      this.logger.info({ objects: done }, 'objects that were stored in the clear are sealed');
    };
    for await (const { sha256 } of this.#unsealed.list()) {
      // Uploads that were going on were in the clear too, and cannot go on as they are.
      if (done + batch.length === 0) await this.#unsealed.removeUnfinished(Date.now());
      batch.push(sha256);
      if (batch.length === BATCH) await flush();
    }
    if (batch.length > 0) await flush();
  }

  async #seal(sha256s: readonly string[]): Promise<void> {
    const rows = await this.database.query<{ sha256: string; projectIds: string[] }>(OWNERS, [sha256s]);
    const owners = new Map(rows.map(({ sha256, projectIds }) => [sha256, projectIds]));
    for (const sha256 of sha256s) await this.#unsealed.seal(this.objects, sha256, owners.get(sha256) ?? []);
  }
}
