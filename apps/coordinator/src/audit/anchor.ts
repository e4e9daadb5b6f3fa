import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { rootAt, type SignedCheckpoint } from '@understudy/tlog';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, DATABASE, LOGGER } from '../platform/tokens.js';
import { AnchorFolder } from './anchor-folder.js';
import { AnchorHold } from './anchor-hold.js';
import { type StoredCheckpoint, TreeRepository } from './tree.repository.js';

/** Held by the one replica that appends to the folder. */
const ANCHOR_LOCK = 72_707_372;
const LEAVES_A_READ = 8192;

/** Keeps the log's checkpoints outside the database, and compares the two before anything is added. */
@Injectable()
export class Anchor {
  readonly #folder: AnchorFolder;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly tree: TreeRepository,
    private readonly hold: AnchorHold,
  ) {
    this.#folder = new AnchorFolder(config.AUDIT_ANCHOR_DIR ?? join(config.DATA_DIR, 'audit', 'anchor'));
  }

  /** Compares the log's head with what is kept outside. @returns false when no lease may be given */
  async agrees(sql: Sql = this.database): Promise<boolean> {
    const anchored = await this.#folder.head();
    if (anchored === null) return true;
    const reason = await this.#disagreement(sql, anchored, await this.tree.newest(sql));
    if (reason === null) return true;
    if (this.hold.reason === null) this.logger.error({ code: 'LOG_BEHIND_ANCHOR' }, reason);
    this.hold.set(reason);
    return false;
  }

  /** Appends what the log has grown by. Does nothing while another replica is at it, or after a disagreement. */
  async append(): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const [row] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [ANCHOR_LOCK]);
      if (row?.held !== true || !(await this.agrees(sql))) return;
      const newest = await this.tree.newest(sql);
      const anchored = (await this.#folder.head())?.size ?? 0;
      if (newest === null || newest.size <= anchored) return;
      const since = await this.#folder.vouchedLeaves(anchored);
      await this.#folder.append(since, this.#leaves(sql, since, newest.size), newest.note);
    });
  }

  async #disagreement(sql: Sql, anchored: SignedCheckpoint, newest: StoredCheckpoint | null): Promise<string | null> {
    const size = newest?.size ?? 0;
    if (size < anchored.size) {
      return `the audit log has ${size} entries and the anchored checkpoint vouches for ${anchored.size}; the database is an older copy.`;
    }
    const stored = await this.tree.ofSize(anchored.size, sql);
    const root = stored?.root ?? (await rootAt(anchored.size, this.tree.subtrees(sql)));
    if (Buffer.from(root).equals(anchored.root)) return null;
    return `the audit log's first ${anchored.size} entries are not those that were anchored; the database holds another log.`;
  }

  async *#leaves(sql: Sql, start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; at += LEAVES_A_READ) {
      yield Buffer.concat(await this.tree.hashes(at, Math.min(end, at + LEAVES_A_READ), sql));
    }
  }
}
