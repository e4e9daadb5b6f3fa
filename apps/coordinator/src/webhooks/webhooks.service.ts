import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  type RouteInput,
  UnderstudyError,
  type Webhook,
  WEBHOOK_PING,
  type WebhookDelivery,
} from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Action } from '@understudy/policy';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound, requireOn } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { type PageQuery, pageArguments, pageOf } from '../platform/paging.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { TemplateVault } from '../sealing/template-vault.js';
import { newWebhookSecret } from './signature.js';
import { WebhookEvents } from './webhook-events.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookRepository } from './webhook.repository.js';

const SHOWN = { id: true, projectId: true, url: true, events: true, createdAt: true, disabledAt: true } as const;
type Row = {
  [Key in keyof typeof SHOWN]: Key extends 'events'
    ? string[]
    : Key extends 'createdAt'
      ? Date
      : Key extends 'disabledAt'
        ? Date | null
        : string;
};

/** Each of them is a request that leaves the farm for every shot of the project. */
const MOST_OF_A_PROJECT = 20;
/** Nothing happened that somebody outside has to hear of. */
const MOST_PINGS_A_MINUTE = 10;

/** The webhooks of projects, for those who set them up. */
@Injectable()
export class WebhooksService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly sender: WebhookSender,
    private readonly vault: TemplateVault,
    private readonly webhooks: WebhookRepository,
    private readonly events: WebhookEvents,
    private readonly audit: AuditWriter,
  ) {}

  /** @throws UnderstudyError NOT_FOUND; INVALID_REQUEST for an address that is not allowed; CONFLICT for one too many */
  async create(
    actor: Actor,
    projectId: string,
    asked: RouteInput<'createWebhook'>['body'],
  ): Promise<Webhook & { secret: string }> {
    requireOn(actor, 'create', 'Webhook', { projectId });
    const url = this.sender.requireAllowed(asked.url).href;
    const secret = newWebhookSecret();
    const sealed = new Uint8Array(this.vault.seal(projectId, Buffer.from(secret)));
    const row = await this.database.transaction(async (tx) => {
      await this.webhooks.holdProject(tx, projectId);
      if ((await tx.prisma.webhook.count({ where: { projectId } })) >= MOST_OF_A_PROJECT) {
        throw new UnderstudyError('CONFLICT', `A project has at most ${MOST_OF_A_PROJECT} webhooks; delete one first.`);
      }
      const data = { id: randomUUID(), projectId, url, events: asked.events, secret: sealed, createdBy: actor.id };
      const made = await tx.prisma.webhook.create({ data, select: SHOWN });
      await this.#record(tx, actor, 'webhook.created', made, { host: new URL(url).host, events: asked.events });
      return made;
    });
    return { ...asWebhook(row), secret };
  }

  async list(actor: Actor, query: PageQuery & { projectId?: string | undefined }) {
    const { where, ...rest } = pageArguments(query);
    const mine = accessibleTo(actor.ability, 'read', 'Webhook');
    const wanted = query.projectId === undefined ? {} : { projectId: query.projectId };
    const rows = await this.database.prisma.webhook.findMany({
      where: { AND: [mine, wanted, where] },
      ...rest,
      select: SHOWN,
    });
    return pageOf(rows, query, asWebhook);
  }

  /** What was on its way is given up with it. */
  async delete(actor: Actor, webhookId: string): Promise<void> {
    const row = await this.#find(actor, 'revoke', webhookId);
    await this.database.transaction(async (tx) => {
      await tx.prisma.webhook.delete({ where: { id: row.id } });
      await this.#record(tx, actor, 'webhook.deleted', row, {});
    });
  }

  /** What is on its way goes on, and what was kept back meanwhile. */
  async enable(actor: Actor, webhookId: string): Promise<Webhook> {
    const found = await this.#find(actor, 'resume', webhookId);
    return await this.#switch(actor, found, 'webhook.enabled', { disabledAt: null, failures: 0 });
  }

  /** What happens from now on is not told; what is on its way is kept back. Switching off what is off changes nothing. */
  async disable(actor: Actor, webhookId: string): Promise<Webhook> {
    const found = await this.#find(actor, 'resume', webhookId);
    if (found.disabledAt !== null) return asWebhook(found);
    return await this.#switch(actor, found, 'webhook.disabled', { disabledAt: this.clock.now() });
  }

  async #switch(
    actor: Actor,
    { id }: Row,
    action: string,
    data: { disabledAt: Date | null; failures?: number },
  ): Promise<Webhook> {
    const row = await this.database.transaction(async (tx) => {
      const changed = await tx.prisma.webhook.update({ where: { id }, data, select: SHOWN });
      await this.#record(tx, actor, action, changed, {});
      return changed;
    });
    return asWebhook(row);
  }

  /** @throws UnderstudyError NOT_FOUND; RATE_LIMITED for one too many of the project's within a minute */
  async ping(actor: Actor, webhookId: string): Promise<WebhookDelivery> {
    const { id, projectId } = await this.#find(actor, 'resume', webhookId);
    const deliveryId = await this.database.hotTransaction(async (sql) => {
      await this.webhooks.holdProject(sql, projectId);
      if ((await this.webhooks.toldLately(sql, projectId, WEBHOOK_PING)) >= MOST_PINGS_A_MINUTE) {
        throw new UnderstudyError(
          'RATE_LIMITED',
          `A project tries its webhooks out ${MOST_PINGS_A_MINUTE} times a minute at most; wait.`,
        );
      }
      return await this.events.tellOne(sql, id, WEBHOOK_PING, { projectId, webhookId: id });
    });
    return asDelivery(await this.database.prisma.webhookDelivery.findUniqueOrThrow({ where: { id: deliveryId } }));
  }

  async deliveries(actor: Actor, webhookId: string, query: PageQuery) {
    const { id } = await this.#find(actor, 'read', webhookId);
    const { where, ...rest } = pageArguments(query);
    const rows = await this.database.prisma.webhookDelivery.findMany({
      where: { AND: [{ webhookId: id }, where] },
      ...rest,
    });
    return pageOf(rows, query, asDelivery);
  }

  async #find(actor: Actor, action: Action, webhookId: string): Promise<Row> {
    const mine = accessibleTo(actor.ability, action, 'Webhook');
    const row = await this.database.prisma.webhook.findFirst({
      where: { AND: [{ id: webhookId }, mine] },
      select: SHOWN,
    });
    if (row === null) throw notFound('webhook');
    return row;
  }

  async #record(
    sql: Parameters<AuditWriter['append']>[0],
    actor: Actor,
    action: string,
    { id, projectId }: Row,
    data: Record<string, unknown>,
  ): Promise<void> {
    await this.audit.append(sql, {
      actor: actor.label,
      action,
      subjectType: 'Webhook',
      subjectId: id,
      projectId,
      data,
    });
  }
}

function asWebhook({ createdAt, disabledAt, ...row }: Row): Webhook {
  return { ...row, createdAt: createdAt.toISOString(), disabledAt: disabledAt?.toISOString() ?? null };
}

type DeliveryRow = Omit<WebhookDelivery, 'createdAt' | 'settledAt'> & { createdAt: Date; settledAt: Date | null };

function asDelivery({ id, event, state, tries, status, error, createdAt, settledAt }: DeliveryRow): WebhookDelivery {
  const times = { createdAt: createdAt.toISOString(), settledAt: settledAt?.toISOString() ?? null };
  return { id, event, state, tries, status, error, ...times };
}
