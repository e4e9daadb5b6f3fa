import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { RecordSeals, segmentRecord, type Sql } from '@understudy/db';

export interface AcceptedSegment {
  readonly taskId: string;
  readonly epoch: number;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly sha256: string;
  readonly frames: number;
  readonly frameHashes: readonly string[];
}

export interface JoinedFile {
  readonly sha256: string;
  readonly bytes: number;
  readonly frames: number;
}

export interface StoredDelivery {
  readonly id: string;
  readonly sha256: string;
  readonly state: string;
  /** What its verification has found so far; null before it began. */
  readonly verification: Readonly<Record<string, unknown>> | null;
}

@Injectable()
export class AssemblyRepository {
  constructor(private readonly seals: RecordSeals) {}

  /**
   * Accepted segments in the order of their ranges; a quarantined one is none.
   *
   * @throws UnderstudyError RECORD_ALTERED for one that is not what was accepted
   */
  async segments(sql: Sql, shotVersionId: string): Promise<AcceptedSegment[]> {
    const rows = await sql.query<AcceptedSegment & { seal: string | null }>(
      `SELECT t.id AS "taskId", t.start_frame AS "startFrame", t.end_frame AS "endFrame", g.sha256, g.frames,
              g.frame_hashes AS "frameHashes", g.epoch, encode(g.seal, 'hex') AS seal
         FROM tasks t JOIN segments g ON g.task_id = t.id
        WHERE t.shot_version_id = $1 AND t.kind = 'render' AND t.state = 'accepted' AND g.quarantined_at IS NULL
        ORDER BY t.start_frame`,
      [shotVersionId],
    );
    const altered = rows.find((row) => !this.seals.fits('segments', segmentRecord(row), row.seal));
    if (altered === undefined) return rows;
    throw new UnderstudyError(
      'RECORD_ALTERED',
      `The record of segment ${altered.taskId} was changed past the service; run audit verify, which names the row.`,
      { details: { table: 'segments', id: altered.taskId } },
    );
  }

  /** The version's one delivery, of this file, to be verified. */
  async addDelivery(sql: Sql, shotVersionId: string, { sha256, bytes, frames }: JoinedFile): Promise<string> {
    const [row] = await sql.query<{ id: string }>(
      `INSERT INTO deliveries (id, shot_version_id, state, sha256, bytes, frames) VALUES ($1, $2, 'verifying', $3, $4, $5)
       ON CONFLICT (shot_version_id) DO UPDATE SET sha256 = excluded.sha256, bytes = excluded.bytes,
         frames = excluded.frames, verification = CASE WHEN deliveries.sha256 = excluded.sha256
           THEN jsonb_build_object('gate', deliveries.verification->'gate' || '{"asked": false}') END
       RETURNING id`,
      [randomUUID(), shotVersionId, sha256, bytes, frames],
    );
    return (row as { id: string }).id;
  }

  async delivery(sql: Sql, shotVersionId: string): Promise<StoredDelivery | null> {
    const [row] = await sql.query<StoredDelivery>(
      'SELECT id, sha256, state::text AS state, verification FROM deliveries WHERE shot_version_id = $1',
      [shotVersionId],
    );
    return row ?? null;
  }

  /** Keeps what was found, before all of it is. */
  async noteVerification(sql: Sql, deliveryId: string, verification: Readonly<Record<string, unknown>>): Promise<void> {
    await sql.query(`UPDATE deliveries SET verification = $2::jsonb WHERE id = $1 AND state = 'verifying'`, [
      deliveryId,
      JSON.stringify(verification),
    ]);
  }

  /** What was checked becomes part of the delivery, which is then ready to be released. */
  async markVerified(sql: Sql, deliveryId: string, verification: Record<string, unknown>): Promise<void> {
    await sql.query(
      `UPDATE deliveries SET state = 'ready', verification = $2::jsonb WHERE id = $1 AND state = 'verifying'`,
      [deliveryId, JSON.stringify(verification)],
    );
  }

  /** Nothing leads out of it: neither release nor download. */
  async lockDelivery(sql: Sql, shotVersionId: string): Promise<string[]> {
    const rows = await sql.query<{ id: string }>(
      `UPDATE deliveries SET state = 'locked' WHERE shot_version_id = $1 AND state <> 'locked' RETURNING id`,
      [shotVersionId],
    );
    return rows.map(({ id }) => id);
  }
}
