import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { ANOTHER_CAN } from '../shards/other-workers.js';
import { TaskWriter } from '../shards/task-writer.js';
import { TASKS_CHANNEL } from '../shards/wake-ups.js';
import { Outbox } from '../stages/outbox.js';
import type { OutputSample } from './sample-output.js';

/** As for other faces: somebody waits for it, and it is quick. */
const PRIORITY = 90;
/** Whoever rendered the frame, for this version or for the one that it was taken over from, does not read it while another can. */
const BY_OTHERS = `
  UPDATE tasks t SET avoid_workers = rendered.workers
  FROM (
    SELECT k.asset_id, array_agg(DISTINCT l.worker_id) AS workers
    FROM output_checks k
    JOIN tasks r ON r.shot_version_id = k.shot_version_id AND r.kind = 'render'
     AND r.start_frame <= k.frame AND k.frame < r.end_frame
    JOIN segments g ON g.task_id = r.id
    JOIN attempts a ON a.task_id = coalesce(g.reused_from, g.task_id) AND a.state = 'accepted'
    JOIN lanes l ON l.id = a.lane_id
    WHERE k.shot_version_id = $1 GROUP BY k.asset_id) rendered
  WHERE t.asset_id = rendered.asset_id AND t.id = ANY ($2::uuid[])`;

/** For so long only another worker takes what one could not read. */
const ANOTHER_SECONDS = 30;

const ASK_AGAIN = `
  WITH tried AS (SELECT DISTINCT l.worker_id FROM attempts a JOIN lanes l ON l.id = a.lane_id WHERE a.task_id = $1),
  left_over AS (
    SELECT t.id FROM (
      SELECT id, kind, project_id, avoid_workers || ARRAY(SELECT worker_id FROM tried) AS avoid_workers FROM tasks WHERE id = $1) t
     WHERE ${ANOTHER_CAN}),
  asked AS (
    UPDATE output_checks k SET asked_again = true FROM face_templates f
     WHERE f.asset_id = k.asset_id AND f.task_id = $1 AND f.state = 'pending' AND NOT k.asked_again
       AND EXISTS (SELECT FROM left_over)
    RETURNING k.asset_id)
  UPDATE tasks t SET state = 'pending', failures = 0, error_code = NULL, error_message = NULL, not_before = clock_timestamp(),
    avoid_lanes = (SELECT array_agg(id) FROM lanes WHERE worker_id IN (SELECT worker_id FROM tried)),
    avoid_until = clock_timestamp() + make_interval(secs => $2)
  WHERE t.id = $1 AND EXISTS (SELECT FROM asked) RETURNING pg_notify($3, '')::text`;

export interface StoredSample extends Pick<OutputSample, 'frame' | 'track' | 'cast' | 'clear'> {
  readonly sha256: string;
  readonly bytes: number;
}

/** The rows and objects of faces that wait to be read, of a shot that is verified. */
@Injectable()
export class OutputChecks {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly tasks: TaskWriter,
    private readonly outbox: Outbox,
  ) {}

  /** Asks lanes for the faces. */
  async ask(sql: Sql, shotVersionId: string, projectId: string, samples: readonly StoredSample[]): Promise<void> {
    const ids: string[] = [];
    for (const { sha256, bytes, frame, track, cast, clear } of samples) {
      const [assetId, id] = [randomUUID(), randomUUID()];
      await sql.query(
        `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete) VALUES ($1, $2, 'still', $3, $4, true)`,
        [assetId, projectId, sha256, bytes],
      );
      await sql.query(`INSERT INTO face_templates (asset_id, task_id, state) VALUES ($1, $2, 'pending')`, [
        assetId,
        id,
      ]);
      await sql.query(
        'INSERT INTO output_checks (asset_id, shot_version_id, frame, track, "cast", clear) VALUES ($1, $2, $3, $4, $5, $6)',
        [assetId, shotVersionId, frame, track, cast, clear],
      );
      const range = { startFrame: 0, endFrame: 1 };
      await this.tasks.create(sql, [{ id, kind: 'enrol', shotVersionId: null, assetId, ...range, priority: PRIORITY }]);
      ids.push(id);
    }
    await sql.query(BY_OTHERS, [shotVersionId, ids]);
  }

  /**
   * One worker's word that it cannot be read is none: once, another is asked, where there is one besides who rendered it.
   *
   * @returns whether it is asked for again
   */
  async askAgain(sql: Sql, taskId: string): Promise<boolean> {
    return (await sql.query(ASK_AGAIN, [taskId, ANOTHER_SECONDS, TASKS_CHANNEL])).length > 0;
  }

  /** The last face of a delivery that was read, or could not be, lets its verification go on. */
  async onRead(sql: Sql, taskId: string): Promise<void> {
    const [row] = await sql.query<{ shotVersionId: string }>(
      `SELECT k.shot_version_id AS "shotVersionId" FROM output_checks k JOIN face_templates f ON f.asset_id = k.asset_id
        WHERE f.task_id = $1`,
      [taskId],
    );
    if (row === undefined) return;
    const { shotVersionId } = row;
    // Two that end at once would each not see the other's row.
    await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [shotVersionId]);
    const [open] = await sql.query(
      `SELECT 1 FROM output_checks k JOIN face_templates f ON f.asset_id = k.asset_id
        WHERE k.shot_version_id = $1 AND f.state = 'pending' LIMIT 1`,
      [shotVersionId],
    );
    if (open === undefined) await this.outbox.enqueue(sql, 'verify', shotVersionId, { shotVersionId });
  }

  /** Faces are kept no longer than they are needed: forgets those of versions that are verified no more. */
  async purge(): Promise<void> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT DISTINCT k.shot_version_id AS id FROM output_checks k JOIN shot_versions v ON v.id = k.shot_version_id
        WHERE v.state <> 'verifying' LIMIT 100`,
    );
    for (const { id } of rows) await this.forget(id);
  }

  /** Rows first; an object that is left over by a crash goes with the store's own sweep. What is verified anew meanwhile keeps its own. */
  async forget(shotVersionId: string): Promise<void> {
    const stills = await this.database.hotTransaction(async (sql) => {
      const [version] = await sql.query<{ state: string }>(
        'SELECT state::text AS state FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE',
        [shotVersionId],
      );
      if (version?.state === 'verifying') return [];
      const gone = await sql.query<{ assetId: string }>(
        'DELETE FROM output_checks WHERE shot_version_id = $1 RETURNING asset_id AS "assetId"',
        [shotVersionId],
      );
      const ids = gone.map(({ assetId }) => assetId);
      await sql.query(
        `UPDATE tasks SET state = 'cancelled' WHERE asset_id = ANY ($1::uuid[]) AND state IN ('pending', 'leased', 'reported')`,
        [ids],
      );
      await sql.query('DELETE FROM face_templates WHERE asset_id = ANY ($1::uuid[])', [ids]);
      return await sql.query<{ projectId: string; sha256: string }>(
        'DELETE FROM assets WHERE id = ANY ($1::uuid[]) RETURNING project_id AS "projectId", sha256',
        [ids],
      );
    });
    for (const { projectId, sha256 } of stills) await this.objects.of(projectId).delete(sha256);
  }
}
