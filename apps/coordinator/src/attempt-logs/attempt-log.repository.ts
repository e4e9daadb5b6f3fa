import { Inject, Injectable } from '@nestjs/common';
import {
  ATTEMPT_LOG,
  type AttemptLog,
  type AttemptLogPart,
  LogLine,
  type RouteInput,
  UnderstudyError,
} from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { z } from 'zod';
import { DATABASE } from '../platform/tokens.js';

/**
 * Keeps a part of the worker's own attempt, as long as it grows, and lets go of what lies between the first parts and the
 * last. A part from that gap that comes late is none.
 */
const APPEND = `
  WITH own AS (
    SELECT a.id FROM attempts a JOIN lanes l ON l.id = a.lane_id WHERE a.id = $1 AND a.epoch = $2 AND l.worker_id = $3),
  kept AS (
    INSERT INTO attempt_logs (attempt_id, part, first_line, line_count, lines, changed_at)
    SELECT own.id, $4, $5, $6, $7, clock_timestamp() FROM own
     WHERE $4 < ${ATTEMPT_LOG.headParts}
        OR NOT EXISTS (SELECT 1 FROM attempt_logs n WHERE n.attempt_id = own.id AND n.part >= $4 + ${ATTEMPT_LOG.tailParts})
    ON CONFLICT (attempt_id, part) DO UPDATE
      SET lines = excluded.lines, line_count = excluded.line_count, changed_at = excluded.changed_at
      WHERE octet_length(excluded.lines) > octet_length(attempt_logs.lines)),
  cut AS (
    DELETE FROM attempt_logs o USING own
     WHERE o.attempt_id = own.id AND o.part >= ${ATTEMPT_LOG.headParts} AND o.part <= $4 - ${ATTEMPT_LOG.tailParts})
  SELECT id FROM own`;

const LIST = `
  SELECT a.id AS "attemptId", t.id AS "taskId", t.kind::text AS kind, t.shard, t.start_frame AS "startFrame",
         t.end_frame AS "endFrame", a.epoch, a.state::text AS state, l.host || '/' || l.ordinal AS lane,
         a.error_message AS error, g.changed_at AS "changedAt", g.parts
    FROM (
      SELECT k.*, (row_number() OVER (PARTITION BY k.kind ORDER BY k.start_frame))::int AS shard FROM tasks k
       WHERE k.shot_version_id = (SELECT id FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1)) t
    JOIN attempts a ON a.task_id = t.id
    JOIN lanes l ON l.id = a.lane_id
    JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('firstLine', p.first_line, 'lines', p.lines) ORDER BY p.part) AS parts,
             max(p.changed_at) AS changed_at, bool_or($6::text IS NULL OR strpos(lower(p.lines), lower($6)) > 0) AS found
        FROM attempt_logs p WHERE p.attempt_id = a.id) g ON g.found
   WHERE ($2::text IS NULL OR t.kind = $2::task_kind) AND ($3::int IS NULL OR t.shard = $3)
     AND ($4::uuid IS NULL OR t.id = $4) AND ($5::int IS NULL OR a.epoch = $5)
     AND ($7::timestamptz IS NULL OR g.changed_at > $7)
     AND ($8::task_kind IS NULL OR (t.kind, t.start_frame, a.epoch) > ($8::task_kind, $9::int, $10::int))
   ORDER BY t.kind, t.start_frame, a.epoch LIMIT $11`;

const Place = z.tuple([z.enum(['analyse', 'render']), z.int().min(0), z.int().min(1)]);

interface Row extends Omit<AttemptLog, 'lines' | 'cutLines' | 'changedAt'> {
  readonly changedAt: Date;
  readonly parts: readonly { readonly firstLine: number; readonly lines: string }[];
}

@Injectable()
export class AttemptLogRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** @returns whether the worker had such an attempt */
  async append(workerId: string, attemptId: string, part: AttemptLogPart): Promise<boolean> {
    const lines = part.lines.map((line) => JSON.stringify(line)).join('\n');
    if (Buffer.byteLength(lines) > 2 * ATTEMPT_LOG.partBytes) {
      throw new UnderstudyError('PAYLOAD_TOO_LARGE', 'A part of a log is too long; send it in smaller parts.');
    }
    const values = [part.epoch, workerId, part.part, part.firstLine, part.lines.length, lines];
    return (await this.database.query(APPEND, [attemptId, ...values])).length > 0;
  }

  async list(
    shotId: string,
    query: RouteInput<'listShotLogs'>['query'],
  ): Promise<{ items: AttemptLog[]; next: string | null }> {
    const { limit, cursor, kind, shard, taskId, attempt, grep, since } = query;
    const after = cursor === undefined ? [null, null, null] : readPlace(cursor);
    const wanted = [kind, shard, taskId, attempt, grep, since].map((value) => value ?? null);
    const rows = await this.database.query<Row>(LIST, [shotId, ...wanted, ...after, limit + 1]);
    const items = rows.slice(0, limit).map((row) => asAttemptLog(row, grep));
    const last = rows.length > limit ? items.at(-1) : undefined;
    const place = last === undefined ? null : JSON.stringify([last.kind, last.startFrame, last.epoch]);
    return { items, next: place === null ? null : Buffer.from(place).toString('base64url') };
  }

  /** Forgets the logs of a version's attempts. */
  async forget(sql: Sql, shotVersionId: string): Promise<void> {
    await sql.query(
      `DELETE FROM attempt_logs WHERE attempt_id IN
         (SELECT a.id FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE t.shot_version_id = $1)`,
      [shotVersionId],
    );
  }

  /** @returns how many parts were older than that */
  async forgetOlder(days: number, most: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM attempt_logs WHERE (attempt_id, part) IN (
         SELECT attempt_id, part FROM attempt_logs WHERE changed_at < now() - make_interval(secs => $1)
          ORDER BY changed_at LIMIT $2) RETURNING 1`,
      [days * 86_400, most],
    );
    return rows.length;
  }
}

/** @throws UnderstudyError INVALID_REQUEST for what no page gave */
function readPlace(cursor: string): [string, number, number] {
  try {
    return Place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (cause) {
    throw new UnderstudyError('INVALID_REQUEST', 'The cursor is not one that a page before gave.', { cause });
  }
}

/** Lines in their order; what is missing between the parts was cut. */
function asAttemptLog({ parts, changedAt, ...row }: Row, grep: string | undefined): AttemptLog {
  const needle = grep?.toLowerCase() ?? '';
  const lines: AttemptLog['lines'] = [];
  let cutLines = 0;
  let next = 1;
  for (const part of parts) {
    cutLines += Math.max(0, part.firstLine - next);
    const texts = part.lines.split('\n');
    for (const [index, text] of texts.entries()) {
      if (!text.toLowerCase().includes(needle)) continue;
      lines.push({ ...LogLine.parse(JSON.parse(text)), line: part.firstLine + index });
    }
    next = part.firstLine + texts.length;
  }
  return { ...row, changedAt: changedAt.toISOString(), lines, cutLines };
}
