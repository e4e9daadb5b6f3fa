import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { merkleRoot, type SubtreeReader } from '@understudy/tlog';
import { DATABASE } from '../platform/tokens.js';

/** Roots of complete subtrees are kept for every eighth level: a page of 256 hashes below each. */
export const KEPT_LEVELS = 8;

export interface StoredCheckpoint {
  readonly size: number;
  readonly root: Uint8Array;
  readonly frontier: Uint8Array;
  readonly settledBefore: bigint;
  readonly note: string;
  readonly at: Date;
}

export interface Unplaced {
  readonly sequence: bigint;
  readonly writtenIn: bigint;
  readonly hash: Uint8Array;
}

export interface Grown {
  readonly leaves: readonly { readonly index: number; readonly sequence: bigint; readonly hash: Uint8Array }[];
  readonly subtrees: readonly { readonly level: number; readonly index: number; readonly hash: Uint8Array }[];
  readonly checkpoint: Omit<StoredCheckpoint, 'at'>;
}

type CheckpointRow = Omit<StoredCheckpoint, 'size'> & { size: bigint };
const CHECKPOINT = 'SELECT size, root, frontier, settled_before AS "settledBefore", note, at FROM audit_checkpoints';
const shown = (row: CheckpointRow | undefined): StoredCheckpoint | null =>
  row === undefined ? null : { ...row, size: Number(row.size) };

/** The log's tree, as the database keeps it. */
@Injectable()
export class TreeRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async newest(sql: Sql = this.database): Promise<StoredCheckpoint | null> {
    const [row] = await sql.query<CheckpointRow>(`${CHECKPOINT} ORDER BY size DESC LIMIT 1`);
    return shown(row);
  }

  async ofSize(size: number, sql: Sql = this.database): Promise<StoredCheckpoint | null> {
    const [row] = await sql.query<CheckpointRow>(`${CHECKPOINT} WHERE size = $1`, [size]);
    return shown(row);
  }

  /** The oldest transaction that is still running, as this statement's snapshot sees it. */
  async horizon(sql: Sql): Promise<bigint> {
    const [row] = await sql.query<{ xmin: bigint }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin',
    );
    return row?.xmin ?? 0n;
  }

  /**
   * Events of transactions from `settledBefore` on that have no place yet. The horizon must be taken before: an event that
   * commits in between is found now or, being newer than the horizon, the next time.
   */
  unplaced(sql: Sql, settledBefore: bigint, limit: number): Promise<Unplaced[]> {
    return sql.query<Unplaced>(
      `SELECT e.sequence, e.written_in AS "writtenIn", e.leaf_hash AS hash FROM audit_events e
        WHERE e.written_in >= $1 AND NOT EXISTS (SELECT 1 FROM audit_leaves l WHERE l.event_sequence = e.sequence)
        ORDER BY e.written_in, e.sequence LIMIT $2`,
      [settledBefore, limit],
    );
  }

  async grow(sql: Sql, { leaves, subtrees, checkpoint }: Grown): Promise<void> {
    await sql.query(
      `INSERT INTO audit_leaves (index, event_sequence, hash)
       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`,
      [
        leaves.map(({ index }) => index),
        leaves.map(({ sequence }) => String(sequence)),
        leaves.map(({ hash }) => hash),
      ],
    );
    if (subtrees.length > 0) {
      await sql.query(
        `INSERT INTO audit_subtrees (level, index, hash) SELECT * FROM unnest($1::int[], $2::bigint[], $3::bytea[])`,
        [subtrees.map(({ level }) => level), subtrees.map(({ index }) => index), subtrees.map(({ hash }) => hash)],
      );
    }
    const { size, root, frontier, settledBefore, note } = checkpoint;
    await sql.query(
      'INSERT INTO audit_checkpoints (size, root, frontier, settled_before, note) VALUES ($1, $2, $3, $4, $5)',
      [size, root, frontier, String(settledBefore), note],
    );
  }

  /** Leaf hashes of `[start, end)`, in order. */
  async hashes(start: number, end: number, sql: Sql = this.database): Promise<Uint8Array[]> {
    const rows = await sql.query<{ hash: Uint8Array }>(
      'SELECT hash FROM audit_leaves WHERE index >= $1 AND index < $2 ORDER BY index',
      [start, end],
    );
    return rows.map(({ hash }) => hash);
  }

  async indexOf(eventId: string): Promise<{ index: number; hash: Uint8Array } | null> {
    const [row] = await this.database.query<{ index: bigint; hash: Uint8Array }>(
      `SELECT l.index, l.hash FROM audit_leaves l JOIN audit_events e ON e.sequence = l.event_sequence WHERE e.id = $1`,
      [eventId],
    );
    return row === undefined ? null : { index: Number(row.index), hash: row.hash };
  }

  /** The newest event of a kind about something. */
  async newestEvent(action: string, subjectId: string): Promise<string | null> {
    const [row] = await this.database.query<{ id: string }>(
      'SELECT id FROM audit_events WHERE action = $1 AND subject_id = $2 ORDER BY sequence DESC LIMIT 1',
      [action, subjectId],
    );
    return row?.id ?? null;
  }

  /** Complete subtrees for proofs: kept ones, and those between two kept levels out of one page of hashes. */
  subtrees(sql: Sql = this.database): SubtreeReader {
    return async (level, index) => {
      const base = Math.floor(level / KEPT_LEVELS) * KEPT_LEVELS;
      const count = 2 ** (level - base);
      const rows = await sql.query<{ hash: Uint8Array }>(
        base === 0
          ? 'SELECT hash FROM audit_leaves WHERE index >= $1 AND index < $2 ORDER BY index'
          : `SELECT hash FROM audit_subtrees WHERE level = ${base} AND index >= $1 AND index < $2 ORDER BY index`,
        [index * count, (index + 1) * count],
      );
      if (rows.length !== count)
        throw new Error(`the log's tree lacks hashes of level ${base} below ${level}/${index}`);
      return merkleRoot(rows.map(({ hash }) => hash));
    };
  }
}
