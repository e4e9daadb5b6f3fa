import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { WebhooksService } from './webhooks.service.js';

@Controller()
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Handle('createWebhook', { action: 'create', subject: 'Webhook' })
  create(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'createWebhook'>,
  ): Promise<RouteOutput<'createWebhook'>> {
    return this.webhooks.create(actor, params.projectId, body);
  }

  @Handle('listWebhooks', { action: 'read', subject: 'Webhook' })
  list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listWebhooks'>,
  ): Promise<RouteOutput<'listWebhooks'>> {
    return this.webhooks.list(actor, query);
  }

  @Handle('deleteWebhook', { action: 'revoke', subject: 'Webhook' })
  async delete(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'deleteWebhook'>,
  ): Promise<RouteOutput<'deleteWebhook'>> {
    await this.webhooks.delete(actor, params.webhookId);
    return { ok: true };
  }

  @Handle('enableWebhook', { action: 'resume', subject: 'Webhook' })
  enable(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'enableWebhook'>,
  ): Promise<RouteOutput<'enableWebhook'>> {
    return this.webhooks.enable(actor, params.webhookId);
  }

  @Handle('disableWebhook', { action: 'resume', subject: 'Webhook' })
  disable(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'disableWebhook'>,
  ): Promise<RouteOutput<'disableWebhook'>> {
    return this.webhooks.disable(actor, params.webhookId);
  }

  @Handle('pingWebhook', { action: 'resume', subject: 'Webhook' })
  ping(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'pingWebhook'>,
  ): Promise<RouteOutput<'pingWebhook'>> {
    return this.webhooks.ping(actor, params.webhookId);
  }

  @Handle('listWebhookDeliveries', { action: 'read', subject: 'Webhook' })
  deliveries(
    @CurrentActor() actor: Actor,
    @Input() { params, query }: RouteInput<'listWebhookDeliveries'>,
  ): Promise<RouteOutput<'listWebhookDeliveries'>> {
    return this.webhooks.deliveries(actor, params.webhookId, query);
  }
}
