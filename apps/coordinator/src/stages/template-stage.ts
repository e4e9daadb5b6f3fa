import { Inject, Injectable } from '@nestjs/common';
import { EnrolResult, type UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { TemplateVault } from '../sealing/template-vault.js';
import { OutputChecks } from '../output-gate/output-checks.js';
import { readJsonObject } from './read-json.js';
import { oneLine } from './shot-failures.js';
import type { StageHandler } from './stage-handler.js';

/** An enrol result is one template; anything larger is none. */
const MOST_BYTES = 64 * 1024;

/** Reads the face template that a lane found in an image. */
@Injectable()
export class TemplateStage implements StageHandler<'template'> {
  readonly stage = 'template';

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly vault: TemplateVault,
    private readonly checks: OutputChecks,
  ) {}

  async run({ taskId }: { taskId: string }): Promise<void> {
    const [row] = await this.database.query<{ sha256: string; projectId: string }>(
      `SELECT a.result->>'sha256' AS sha256, i.project_id AS "projectId"
         FROM face_templates f JOIN attempts a ON a.task_id = f.task_id AND a.state = 'accepted'
         JOIN assets i ON i.id = f.asset_id
        WHERE f.task_id = $1 AND f.state = 'pending'`,
      [taskId],
    );
    if (row === undefined) return;
    const objects = this.objects.of(row.projectId);
    const result = await readJsonObject(objects, row.sha256, EnrolResult, { mostBytes: MOST_BYTES });
    const sealed = this.vault.seal(row.projectId, Buffer.from(result.template, 'base64'));
    await this.database.query(
      `UPDATE face_templates SET state = 'ready', template = $2, recogniser = $3, quality = $4::jsonb
        WHERE task_id = $1 AND state = 'pending'`,
      [taskId, Buffer.from(sealed), result.recogniser, JSON.stringify({ overall: result.quality })],
    );
    await this.database.hotTransaction(async (sql) => this.checks.onRead(sql, taskId));
    // What the lane sent holds the same numbers in the clear.
    await objects.delete(row.sha256);
  }

  async abandon({ taskId }: { taskId: string }, error: UnderstudyError): Promise<void> {
    await this.database.query(
      `UPDATE face_templates SET state = 'failed', error_code = $2, error_message = $3
        WHERE task_id = $1 AND state = 'pending'`,
      [taskId, error.code, oneLine(error.message)],
    );
    await this.database.hotTransaction(async (sql) => this.checks.onRead(sql, taskId));
  }
}
