import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { parseCheckpoint, rootAt, type SignedCheckpoint } from '@understudy/tlog';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER } from '../platform/tokens.js';
import { AnchorHold } from './anchor-hold.js';
import { ANCHOR_STORE, type Anchored, type AnchorStore } from './anchor-store.js';
import { type StoredCheckpoint, TreeRepository } from './tree.repository.js';

/** Held by the one replica that adds to the anchors. */
const ANCHOR_LOCK = 72_707_372;
const LEAVES_A_READ = 8192;

/** Keeps the log's checkpoints outside the database, and compares the two before anything is added. */
@Injectable()
export class Anchor {
  /** What was there at the last look, or was added since. */
  #known: Anchored | null = null;
  #lookedAt = -Infinity;
  #turns = 0;
  #learntIn = 0;
  #addedAt = -Infinity;
  /** How often anchors had begun anew when leases were stopped. */
  #restoresWhenHeld = 0;
  #adding: Promise<void> = Promise.resolve();
  /** Begins when the one that runs has ended; all who come meanwhile share it. */
  #next: Promise<void> | null = null;

  constructor(
    @Inject(ANCHOR_STORE) private readonly store: AnchorStore,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly tree: TreeRepository,
    private readonly hold: AnchorHold,
  ) {}

  /** Compares the log's head with what is kept outside. @returns false when no lease may be given */
  async agrees(sql: Sql = this.database, { fresh }: { fresh: boolean } = { fresh: false }): Promise<boolean> {
    const { head, restores } = await this.#look(sql, fresh || this.hold.disagrees);
    // A disagreement is not over because its anchor cannot be seen any more: only new anchors that two people began end it.
    if (this.hold.disagrees && restores <= this.#restoresWhenHeld) return false;
    // The log after the anchor: the other way round, another replica's addition would look like a log that lost entries.
    const reason = head === null ? null : await this.#disagreement(sql, head, await this.tree.newest(sql));
    this.hold.compared(reason);
    if (reason === null) return true;
    this.logger.error({ code: 'LOG_BEHIND_ANCHOR' }, reason);
    this.#restoresWhenHeld = restores;
    return false;
  }

  /**
   * Adds what the log has grown by. Does nothing after a disagreement.
   *
   * @param wait until it is kept; else nothing is done before its time or while another replica is at it
   */
  async append({ wait }: { wait: boolean }): Promise<void> {
    if (!wait) return this.#isDue() ? this.#add(false) : undefined;
    // One connection for all who wait, however slow the store; what runs already may not know of their events.
    this.#next ??= this.#adding.then(() => {
      this.#next = null;
      return this.#add(true);
    });
    return this.#next;
  }

  /** Whether a checkpoint that is kept outside covers this entry, as far as this replica knows. */
  vouchesFor(index: number): boolean {
    return index < (this.#known?.head?.size ?? 0);
  }

  /** The newest head that is kept outside; null where there is none. */
  async head(): Promise<SignedCheckpoint | null> {
    return (await this.#look(this.database, true)).head;
  }

  /**
   * Begins new anchors beside those whose head this is, which stay as they are. Nothing, where another replica has begun them.
   */
  async beginAnew(accepted: SignedCheckpoint): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock($1)::text', [ANCHOR_LOCK]);
      const { head, restores } = await this.#look(sql, true);
      if (head === null || head.size !== accepted.size || !Buffer.from(head.root).equals(accepted.root)) return;
      await this.store.beginAnew(restores + 1, accepted);
      this.#lookedAt = -Infinity;
    });
  }

  #isDue(): boolean {
    return performance.now() - this.#addedAt >= this.store.everyMs;
  }

  async #look(sql: Sql, fresh: boolean): Promise<Anchored> {
    if (this.#known !== null && !fresh && performance.now() - this.#lookedAt < this.store.everyMs) return this.#known;
    const turn = ++this.#turns;
    const seen = await this.store.look((await this.tree.newest(sql))?.size ?? 0);
    this.#learn(turn, seen);
    return this.#known ?? seen;
  }

  /** Looks may overtake one another: what was begun earlier counts for nothing any more. */
  #learn(turn: number, anchored: Anchored): void {
    if (turn < this.#learntIn) return;
    [this.#known, this.#learntIn, this.#lookedAt] = [anchored, turn, performance.now()];
  }

  #add(wait: boolean): Promise<void> {
    const added = this.database.hotTransaction(async (sql) => {
      if (!(await this.#lock(sql, wait)) || !(await this.agrees(sql, { fresh: true }))) return;
      const newest = await this.tree.newest(sql);
      const anchored = this.#known;
      if (newest !== null && anchored !== null && newest.size > (anchored.head?.size ?? 0)) {
        const { size, note } = newest;
        await this.store.grow(anchored, { size, note, leavesFrom: (index) => this.#leaves(sql, index, size) });
        this.#learn(++this.#turns, { ...anchored, head: parseCheckpoint(note) });
      }
      this.#addedAt = performance.now();
    });
    this.#adding = added.catch(() => undefined);
    return added;
  }

  async #lock(sql: Sql, wait: boolean): Promise<boolean> {
    if (wait) await sql.query('SELECT pg_advisory_xact_lock($1)::text', [ANCHOR_LOCK]);
    if (wait) return true;
    const [row] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [ANCHOR_LOCK]);
    return row?.held === true;
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
