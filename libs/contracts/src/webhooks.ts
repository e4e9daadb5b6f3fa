import { z } from 'zod';
import { Instant, Uuid } from './ids.js';

/** What a project's webhooks may be told of. */
export const WEBHOOK_EVENTS = [
  'shot.ready',
  'shot.released',
  'shot.held',
  'shot.failed',
  'shot.cancelled',
  'shot.revoked',
] as const;
export const WebhookEvent = z.enum(WEBHOOK_EVENTS);
export type WebhookEvent = z.infer<typeof WebhookEvent>;
/** Sent when somebody asks for it, to see that a receiver works. */
export const WEBHOOK_PING = 'webhook.ping';

export const WebhookUrl = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .refine((text) => {
    if (!URL.canParse(text)) return true;
    const { username, password, hash } = new URL(text);
    return username === '' && password === '' && hash === '';
  }, 'must be an address without a name, a password or a fragment');

export const CreateWebhook = z.object({
  /** https; plain http to the loopback alone, where the farm allows private hosts. */
  url: WebhookUrl,
  events: z
    .array(WebhookEvent)
    .min(1)
    .default([...WEBHOOK_EVENTS]),
});

export const Webhook = z.object({
  id: Uuid,
  projectId: Uuid,
  url: z.string(),
  events: z.array(z.string()),
  createdAt: Instant,
  /** Set when too many deliveries in a row came to nothing, or the receiver said that it is gone. */
  disabledAt: Instant.nullable(),
});
export type Webhook = z.infer<typeof Webhook>;
/** The secret is shown here and never again. */
export const CreatedWebhook = Webhook.extend({ secret: z.string() });

export const WebhookDelivery = z.object({
  /** The `webhook-id` of every try. */
  id: Uuid,
  event: z.string(),
  state: z.enum(['pending', 'delivered', 'failed']),
  tries: z.int(),
  /** Of the last try: the receiver's status, or why there was none. */
  status: z.int().nullable(),
  error: z.string().nullable(),
  createdAt: Instant,
  settledAt: Instant.nullable(),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;
