import { Module } from '@nestjs/common';
import { WebhookSender } from './webhook-sender.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksService } from './webhooks.service.js';

/** What is told and how it is sent belongs to the stages; here is who set it up. */
@Module({ controllers: [WebhooksController], providers: [WebhookSender, WebhooksService] })
export class WebhooksModule {}
