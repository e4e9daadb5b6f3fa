import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type StageData, type StageName, STAGES } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { OUTBOX_CHANNEL } from './channels.js';

/** Intents to run a stage, written in the transaction that wants them: both commit or neither. */
@Injectable()
export class Outbox {
  /** At most one unrelayed intent a stage and key; the row's id becomes the job's. */
  async enqueue<Stage extends StageName>(sql: Sql, stage: Stage, key: string, data: StageData<Stage>): Promise<void> {
    await sql.query(
      `INSERT INTO outbox (id, stage, key, data) VALUES ($1, $2, $3, $4::jsonb)
       ON CONFLICT (stage, key) WHERE relayed_at IS NULL DO NOTHING`,
      [randomUUID(), stage, key, JSON.stringify(STAGES[stage].parse(data))],
    );
    await sql.query(`SELECT pg_notify($1, '')::text`, [OUTBOX_CHANNEL]);
  }
}
