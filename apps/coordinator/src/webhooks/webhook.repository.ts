import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

export interface PendingDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly projectId: string;
  readonly url: string;
  readonly secret: Uint8Array;
  readonly body: string;
}

export interface DeliveryOutcome {
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly status: number | null;
  readonly error: string | null;
}

/** Deliveries that came to nothing in a row before a webhook is switched off. */
export const MOST_FAILURES = 5;

const ANNOUNCE = `
  INSERT INTO webhook_deliveries (id, webhook_id, event, body)
  SELECT gen_random_uuid(), w.id, $2, $3 FROM webhooks w
   WHERE w.project_id = $1 AND w.disabled_at IS NULL AND $2 = ANY (w.events) RETURNING id`;

const PENDING = `
  SELECT d.id, w.id AS "webhookId", w.project_id AS "projectId", w.url, w.secret, d.body
    FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
   WHERE d.id = $1 AND d.state = 'pending' AND w.disabled_at IS NULL`;

const OUTCOME = `
  UPDATE webhook_deliveries
     SET state = $2::webhook_delivery_state, tries = tries + $5, status = coalesce($3, status), error = $4,
         settled_at = CASE WHEN $2 <> 'pending' THEN now() END
   WHERE id = $1 AND state = 'pending' RETURNING webhook_id AS "webhookId"`;

const FAILED = `
  UPDATE webhooks SET failures = failures + 1,
         disabled_at = CASE WHEN $2 OR failures + 1 >= ${MOST_FAILURES} THEN coalesce(disabled_at, now()) ELSE disabled_at END
   WHERE id = $1 RETURNING project_id AS "projectId", failures, disabled_at IS NOT NULL AS disabled`;

/** Whom to tell, and how it went. */
@Injectable()
export class WebhookRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** @returns the ids of what is to be delivered: one a webhook of the project that wants such events */
  async announce(sql: Sql, projectId: string, event: string, body: string): Promise<string[]> {
    return (await sql.query<{ id: string }>(ANNOUNCE, [projectId, event, body])).map(({ id }) => id);
  }

  async announceTo(sql: Sql, webhookId: string, event: string, body: string): Promise<string> {
    const id = randomUUID();
    await sql.query('INSERT INTO webhook_deliveries (id, webhook_id, event, body) VALUES ($1, $2, $3, $4)', [
      id,
      webhookId,
      event,
      body,
    ]);
    return id;
  }

  /** Null for what was settled, or whose webhook is off or gone. */
  async pending(deliveryId: string): Promise<PendingDelivery | null> {
    const [row] = await this.database.query<PendingDelivery>(PENDING, [deliveryId]);
    return row ?? null;
  }

  /** @returns false for what was settled before */
  async settle(
    sql: Sql,
    deliveryId: string,
    { state, status, error }: DeliveryOutcome,
    tries: 0 | 1,
  ): Promise<boolean> {
    return (await sql.query(OUTCOME, [deliveryId, state, status, error, tries])).length > 0;
  }

  async forgive(sql: Sql, webhookId: string): Promise<void> {
    await sql.query('UPDATE webhooks SET failures = 0 WHERE id = $1 AND failures > 0', [webhookId]);
  }

  /** Counts a delivery that came to nothing. */
  async failed(
    sql: Sql,
    webhookId: string,
    isGone: boolean,
  ): Promise<{ projectId: string; failures: number; disabled: boolean } | undefined> {
    const [row] = await sql.query<{ projectId: string; failures: number; disabled: boolean }>(FAILED, [
      webhookId,
      isGone,
    ]);
    return row;
  }

  /** Until the transaction ends: who counts a project's webhooks, or what they were told, counts alone. */
  async holdProject(sql: Sql, projectId: string): Promise<void> {
    await sql.query('SELECT 1 FROM projects WHERE id = $1 FOR NO KEY UPDATE', [projectId]);
  }

  /** How often the project's webhooks were told of such an event within a minute. */
  async toldLately(sql: Sql, projectId: string, event: string): Promise<number> {
    const [row] = await sql.query<{ told: number }>(
      `SELECT count(*)::int AS told FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id
        WHERE w.project_id = $1 AND d.event = $2 AND d.created_at > clock_timestamp() - interval '1 minute'`,
      [projectId, event],
    );
    return row?.told ?? 0;
  }

  async webhookOf(sql: Sql, deliveryId: string): Promise<string | null> {
    const [row] = await sql.query<{ id: string }>('SELECT webhook_id AS id FROM webhook_deliveries WHERE id = $1', [
      deliveryId,
    ]);
    return row?.id ?? null;
  }
}
