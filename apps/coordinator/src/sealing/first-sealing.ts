import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { type Database, RecordSeals, SEALED_TABLES, sealUnsealed } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, DATABASE, LOGGER } from '../platform/tokens.js';

/**
 * Seals, once, what a farm had written before there were seals, and the first account, which the database's owner makes. That
 * it was done is kept in the data folder: were it kept in the database, its owner could have it done again.
 */
@Injectable()
export class FirstSealing implements OnApplicationBootstrap {
  readonly #mark: string;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly seals: RecordSeals,
    private readonly audit: AuditWriter,
  ) {
    this.#mark = join(config.DATA_DIR, 'audit', 'records-sealed');
  }

  async onApplicationBootstrap(): Promise<void> {
    if (existsSync(this.#mark)) return;
    try {
      await this.run();
    } catch (thrown) {
      // Without it nothing is allowed that should not be; the next start tries again.
      this.logger.warn({ err: thrown }, 'records could not be sealed for the first time');
    }
  }

  private async run(): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const rows: Record<string, number> = {};
      for (const table of SEALED_TABLES) rows[table] = await sealUnsealed(sql, this.seals, table);
      await this.audit.append(sql, {
        actor: SYSTEM_ACTOR,
        action: 'records.sealed',
        subjectType: 'Coordinator',
        subjectId: '-',
        data: { rows },
      });
    });
    mkdirSync(dirname(this.#mark), { recursive: true, mode: 0o700 });
    writeFileSync(this.#mark, `${new Date().toISOString()}\n`, { mode: 0o600 });
  }
}
