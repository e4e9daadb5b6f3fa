import { Inject, Injectable } from '@nestjs/common';
import { WebhookEvent } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { type Clock, CLOCK } from '../platform/tokens.js';
import { Outbox } from '../stages/outbox.js';
import { WebhookRepository } from './webhook.repository.js';

export interface ShotEvent {
  readonly event: string;
  readonly projectId: string;
  readonly shotId: string;
  readonly shotVersionId: string;
}

/** What webhooks are told: written, with its job, in the transaction of what happened. */
@Injectable()
export class WebhookEvents {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly webhooks: WebhookRepository,
    private readonly outbox: Outbox,
  ) {}

  /** What no webhook can ask for is told to nobody. */
  async tell(sql: Sql, { event, projectId, shotId, shotVersionId }: ShotEvent): Promise<void> {
    if (!WebhookEvent.safeParse(event).success) return;
    const body = this.#bodyOf(event, { projectId, shotId, shotVersionId });
    for (const id of await this.webhooks.announce(sql, projectId, event, body)) await this.#enqueue(sql, id);
  }

  /** One event to one webhook. @returns its delivery's id */
  async tellOne(sql: Sql, webhookId: string, event: string, data: Record<string, string>): Promise<string> {
    const id = await this.webhooks.announceTo(sql, webhookId, event, this.#bodyOf(event, data));
    await this.#enqueue(sql, id);
    return id;
  }

  async #enqueue(sql: Sql, id: string): Promise<void> {
    await this.outbox.enqueue(sql, 'notify', id, { webhookDeliveryId: id });
  }

  /** Ids alone: whoever may know more asks for it. */
  #bodyOf(type: string, data: Record<string, string>): string {
    return JSON.stringify({ type, timestamp: this.clock.now().toISOString(), data });
  }
}
