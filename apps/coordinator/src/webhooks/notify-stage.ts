import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { TemplateVault } from '../sealing/template-vault.js';
import type { StageHandler } from '../stages/stage-handler.js';
import { signatureHeaders } from './signature.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookRepository } from './webhook.repository.js';

const GONE = 410;

/** Takes one event to one webhook, under the same id at each try. */
@Injectable()
export class NotifyStage implements StageHandler<'notify'> {
  readonly stage = 'notify';

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly webhooks: WebhookRepository,
    private readonly sender: WebhookSender,
    private readonly vault: TemplateVault,
    private readonly audit: AuditWriter,
  ) {}

  /** @throws UnderstudyError WEBHOOK_NOT_TAKEN, to be tried again; INVALID_REQUEST for an address that is not allowed any more */
  async run({ webhookDeliveryId: id }: { webhookDeliveryId: string }): Promise<void> {
    const pending = await this.webhooks.pending(id);
    if (pending === null) return;
    const secret = Buffer.from(this.vault.open(pending.projectId, pending.secret)).toString('utf8');
    const headers = signatureHeaders(secret, id, this.clock.now(), pending.body);
    let status: number;
    try {
      status = await this.sender.post(pending.url, headers, pending.body);
    } catch (thrown) {
      const error = thrown instanceof UnderstudyError ? thrown.message : 'no answer';
      await this.webhooks.settle(this.database, id, { state: 'pending', status: null, error }, 1);
      throw thrown;
    }
    if (status >= 200 && status < 300) {
      await this.webhooks.settle(this.database, id, { state: 'delivered', status, error: null }, 1);
      return await this.webhooks.forgive(this.database, pending.webhookId);
    }
    await this.webhooks.settle(this.database, id, { state: 'pending', status, error: `status ${status}` }, 1);
    if (status === GONE) return await this.#giveUp(id, true);
    throw new UnderstudyError('WEBHOOK_NOT_TAKEN', `The receiver answered with status ${status}.`);
  }

  async abandon({ webhookDeliveryId: id }: { webhookDeliveryId: string }, error: UnderstudyError): Promise<void> {
    await this.#giveUp(id, error.code === 'INVALID_REQUEST');
  }

  /** @param isOver no other event would be taken either */
  async #giveUp(id: string, isOver: boolean): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const webhookId = await this.webhooks.webhookOf(sql, id);
      const failed = {
        state: 'failed',
        status: null,
        error: isOver ? 'not taken any more' : 'tried too often',
      } as const;
      if (webhookId === null || !(await this.webhooks.settle(sql, id, failed, 0))) return;
      const standing = await this.webhooks.failed(sql, webhookId, isOver);
      if (standing?.disabled !== true) return;
      await this.audit.append(sql, {
        actor: SYSTEM_ACTOR,
        action: 'webhook.disabled',
        subjectType: 'Webhook',
        subjectId: webhookId,
        projectId: standing.projectId,
        data: { failures: standing.failures },
      });
    });
  }
}
