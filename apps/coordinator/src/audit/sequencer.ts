import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { MerkleAccumulator, signCheckpoint } from '@understudy/tlog';
import { DATABASE } from '../platform/tokens.js';
import { LogKey } from './log-key.js';
import { type Grown, KEPT_LEVELS, type StoredCheckpoint, TreeRepository, type Unplaced } from './tree.repository.js';

/** Held by the one replica that gives places; writers never take it. */
const SEQUENCER_LOCK = 72_707_370;
/** Leaves under one checkpoint, and what one transaction writes. */
export const BATCH_LEAVES = 20_000;

const EMPTY = { size: 0, frontier: new Uint8Array(), settledBefore: 0n };
type Head = Pick<StoredCheckpoint, 'size' | 'frontier' | 'settledBefore'>;

const bySequence = (one: Unplaced, other: Unplaced): number => (one.sequence < other.sequence ? -1 : 1);

/** Gives events their places in the log: leaves, subtrees and a signed checkpoint in one transaction. */
@Injectable()
export class Sequencer {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly key: LogKey,
    private readonly tree: TreeRepository,
  ) {}

  /**
   * Places every event that is committed by now.
   *
   * @param wait for another replica that is at it, instead of leaving it to that one
   * @returns how many got their place here
   */
  async run(options: { wait: boolean } = { wait: false }): Promise<number> {
    let placed = 0;
    for (;;) {
      const batch = await this.database.hotTransaction((sql) => this.#batch(sql, options.wait));
      placed += batch;
      if (batch < BATCH_LEAVES) return placed;
    }
  }

  async #batch(sql: Sql, wait: boolean): Promise<number> {
    if (!(await this.#lock(sql, wait))) return 0;
    const head = (await this.tree.newest(sql)) ?? EMPTY;
    const horizon = await this.tree.horizon(sql);
    // Transaction numbers that went back are another cluster's: a restored copy. Then only the leaves themselves tell.
    const settledBefore = horizon < head.settledBefore ? 0n : head.settledBefore;
    const events = await this.tree.unplaced(sql, settledBefore, BATCH_LEAVES);
    if (events.length === 0) return 0;
    await this.tree.grow(sql, this.#grown({ ...head, settledBefore }, events, horizon));
    return events.length;
  }

  async #lock(sql: Sql, wait: boolean): Promise<boolean> {
    if (wait) await sql.query('SELECT pg_advisory_xact_lock($1)::text', [SEQUENCER_LOCK]);
    if (wait) return true;
    const [row] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [SEQUENCER_LOCK]);
    return row?.held === true;
  }

  #grown(head: Head, events: readonly Unplaced[], horizon: bigint): Grown {
    const log = MerkleAccumulator.resume(head.size, head.frontier);
    const subtrees: { level: number; index: number; hash: Uint8Array }[] = [];
    // By sequence: of two transactions that touched the same row, the later one drew the later number.
    const leaves = events.toSorted(bySequence).map(({ sequence, hash }) => {
      const index = log.size;
      log.append(hash, (level, at, root) => {
        if (level > 0 && level % KEPT_LEVELS === 0) subtrees.push({ level, index: at, hash: root });
      });
      return { index, sequence, hash };
    });
    const { size } = log;
    const root = log.root();
    const last = events.at(-1)?.writtenIn ?? horizon;
    // Of a full batch, later transactions may be left over.
    const settledBefore = events.length < BATCH_LEAVES || last > horizon ? horizon : last;
    const note = signCheckpoint({ origin: this.key.origin, size, root }, this.key.privateKey);
    return { leaves, subtrees, checkpoint: { size, root, frontier: log.frontier(), settledBefore, note } };
  }
}
