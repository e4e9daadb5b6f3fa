import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { newestAnchors, restoredAnchors, rootAt, type SignedCheckpoint } from '@understudy/tlog';
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
  readonly #path: string;
  /** How often anchors had begun anew when leases were stopped. */
  #restoresWhenHeld = 0;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly tree: TreeRepository,
    private readonly hold: AnchorHold,
  ) {
    this.#path = config.AUDIT_ANCHOR_DIR ?? join(config.DATA_DIR, 'audit', 'anchor');
  }

  /** Compares the log's head with what is kept outside. @returns false when no lease may be given */
  async agrees(sql: Sql = this.database): Promise<boolean> {
    const { path, restores } = await newestAnchors(this.#path);
    // A disagreement is not over because its anchor cannot be seen any more: only new anchors that two people began end it.
    if (this.hold.reason !== null && restores <= this.#restoresWhenHeld) return false;
    const anchored = await new AnchorFolder(path).head();
    const reason = anchored === null ? null : await this.#disagreement(sql, anchored, await this.tree.newest(sql));
    if (reason === null) {
      this.hold.lift();
      return true;
    }
    this.logger.error({ code: 'LOG_BEHIND_ANCHOR' }, reason);
    this.#restoresWhenHeld = restores;
    this.hold.set(reason);
    return false;
  }

  /** Appends what the log has grown by. Does nothing while another replica is at it, or after a disagreement. */
  async append(): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const [row] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [ANCHOR_LOCK]);
      if (row?.held !== true || !(await this.agrees(sql))) return;
      const folder = new AnchorFolder((await newestAnchors(this.#path)).path);
      const newest = await this.tree.newest(sql);
      const anchored = (await folder.head())?.size ?? 0;
      if (newest === null || newest.size <= anchored) return;
      const since = await folder.vouchedLeaves(anchored);
      await folder.append(since, this.#leaves(sql, since, newest.size), newest.note);
    });
  }

  /** The newest head that is kept outside; null where there is none. */
  async head(): Promise<SignedCheckpoint | null> {
    return new AnchorFolder((await newestAnchors(this.#path)).path).head();
  }

  /**
   * Begins new anchors beside those whose head this is, which stay as they are. Nothing, where another replica has begun them.
   */
  async beginAnew(accepted: SignedCheckpoint): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock($1)::text', [ANCHOR_LOCK]);
      const { path, restores } = await newestAnchors(this.#path);
      const head = await new AnchorFolder(path).head();
      if (head === null || head.size !== accepted.size || !Buffer.from(head.root).equals(accepted.root)) return;
      await mkdir(restoredAnchors(this.#path, restores + 1), { mode: 0o700 });
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
