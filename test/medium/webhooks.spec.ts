import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { UnderstudyError, type WebhookDelivery } from '@understudy/contracts';
import { OutboxRelay } from '../../apps/coordinator/src/stages/outbox-relay.js';
import { StageTransitions } from '../../apps/coordinator/src/stages/stage-transitions.js';
import { NotifyStage } from '../../apps/coordinator/src/webhooks/notify-stage.js';
import { Reconciler } from '../../apps/coordinator/src/stages/reconciler.js';
import { signatureHeaders } from '../../apps/coordinator/src/webhooks/signature.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let farm: TestCoordinator;
let shot: ShotFixture;
let producer: TestPerson;
let receiver: Server;
let url: string;
const received: Received[] = [];
/** What the receiver answers with. */
let answer: (response: ServerResponse) => void;
const takes = (response: ServerResponse): void => void response.writeHead(204).end();

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body });
      answer(response);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  farm = await TestCoordinator.start({ WEBHOOKS_TO_PRIVATE_HOSTS: 'true' });
  // Jobs stay in the outbox: a test says when one runs.
  vi.spyOn(farm.app.get(OutboxRelay, { strict: false }), 'relay').mockResolvedValue(0);
  shot = await addShot(farm.owner);
  producer = await farm.addUser();
  await farm.grant(shot.projectId, producer.id, 'producer');
});
afterEach(async () => {
  received.length = 0;
  await farm.owner.query('DELETE FROM webhooks');
});
afterAll(async () => {
  await farm.stop();
  receiver.closeAllConnections();
  receiver.close();
});

async function addWebhook(path = '/hook', events?: ('shot.ready' | 'shot.failed')[]) {
  const body = { url: `${url}${path}`, ...(events === undefined ? {} : { events }) };
  const { status, body: made } = await farm.call('createWebhook', producer.token, {
    params: { projectId: shot.projectId },
    body,
  });
  expect(status).toBe(200);
  return made;
}

/** The shot comes into a state, as a stage or a person brings it there. */
async function come(to: 'ready' | 'failed' | 'rendering', rollback = false): Promise<void> {
  const work = farm.runtime.hotTransaction(async (sql) => {
    await farm.app.get(StageTransitions, { strict: false }).move(sql, {
      shotVersionId: shot.shotVersionId,
      from: ['rendering', 'ready', 'failed'],
      to,
      actor: 'test',
    });
    if (rollback) throw new Error('taken back');
  });
  await work.catch((thrown: unknown) => {
    if (!rollback) throw thrown;
  });
}

async function deliveries(webhookId: string): Promise<WebhookDelivery[]> {
  const { body } = await farm.call('listWebhookDeliveries', producer.token, { params: { webhookId } });
  return body.items;
}

const notify = async (webhookDeliveryId: string): Promise<void> =>
  await farm.app.get(NotifyStage, { strict: false }).run({ webhookDeliveryId });

async function only(webhookId: string): Promise<WebhookDelivery> {
  const [delivery, ...more] = await deliveries(webhookId);
  if (delivery === undefined || more.length > 0) throw new Error(`there are ${more.length} more deliveries, or none`);
  return delivery;
}

/** As when the last try of its job has failed too. */
async function giveUp(webhookDeliveryId: string): Promise<void> {
  const error = new UnderstudyError('WEBHOOK_NOT_TAKEN', 'no answer');
  await farm.app.get(NotifyStage, { strict: false }).abandon({ webhookDeliveryId }, error);
}

describe('a webhook', () => {
  it('is told by ids alone, signed with a secret that is shown once', async () => {
    answer = takes;
    const { id, secret } = await addWebhook('/hook?studio=1');
    await come('ready');
    const { id: deliveryId } = await only(id);
    await notify(deliveryId);
    expect(received).toHaveLength(1);
    const [{ headers, body, path } = { headers: {}, body: '', path: '' }] = received;
    expect(path).toBe('/hook?studio=1');
    const message = JSON.parse(body) as { type: string; timestamp: string; data: Record<string, string> };
    expect(Object.keys(message)).toEqual(['type', 'timestamp', 'data']);
    expect(message.type).toBe('shot.ready');
    const { projectId, shotId, shotVersionId } = shot;
    expect(message.data).toEqual({ projectId, shotId, shotVersionId });
    const at = new Date(Number(headers['webhook-timestamp']) * 1000);
    expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(60_000);
    expect(headers).toMatchObject(signatureHeaders(secret, deliveryId, at, body));
    expect(await only(id)).toMatchObject({ state: 'delivered', tries: 1, status: 204, error: null });
    const { body: shown } = await farm.call('listWebhooks', producer.token, {});
    expect(JSON.stringify(shown)).not.toContain('whsec_');
    const [row] = await farm.owner.query<{ secret: Buffer }>('SELECT secret FROM webhooks');
    expect(row?.secret.includes(Buffer.from(secret))).toBe(false);
    // The job comes again after a crash: it was taken.
    await notify(deliveryId);
    expect(received).toHaveLength(1);
  });

  it('hears nothing of what was taken back, of what it did not ask for, or of another project', async () => {
    const { id } = await addWebhook('/hook', ['shot.failed']);
    await come('ready', true);
    await come('ready');
    await come('rendering');
    expect(await deliveries(id)).toEqual([]);
    await come('failed');
    expect((await only(id)).event).toBe('shot.failed');
    const other = await addShot(farm.owner);
    await farm.runtime.hotTransaction(async (sql) => {
      const move = { shotVersionId: other.shotVersionId, from: ['rendering'], to: 'failed', actor: 'test' } as const;
      await farm.app.get(StageTransitions, { strict: false }).move(sql, move);
    });
    expect(await deliveries(id)).toHaveLength(1);
  });

  it('is told again, under the same id, until it takes it; redirects and long silence are no taking', async () => {
    const { id } = await addWebhook();
    await come('ready');
    const { id: deliveryId } = await only(id);
    for (const [refuses, error] of [
      [(response: ServerResponse) => void response.writeHead(500).end(), 'status 500'],
      [(response: ServerResponse) => void response.writeHead(302, { location: '/elsewhere' }).end(), 'status 302'],
      [(response: ServerResponse) => void response.destroy(), 'no answer (ECONNRESET)'],
    ] as const) {
      answer = refuses;
      await expect(notify(deliveryId)).rejects.toMatchObject({ code: 'WEBHOOK_NOT_TAKEN' });
      expect(await only(id)).toMatchObject({ state: 'pending', error });
    }
    answer = takes;
    await notify(deliveryId);
    expect(await only(id)).toMatchObject({ state: 'delivered', tries: 4, status: 204 });
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([deliveryId]));
    expect(received.map(({ path }) => path)).toEqual(['/hook', '/hook', '/hook', '/hook']);
  });

  it('is switched off when five events in a row came to nothing, and on again by a producer', async () => {
    const { id } = await addWebhook();
    const isOff = async () => (await farm.call('listWebhooks', producer.token, {})).body.items[0]?.disabledAt !== null;
    for (let event = 1; event <= 5; event += 1) {
      expect(await isOff(), `before event ${event}`).toBe(false);
      await come(event % 2 === 0 ? 'ready' : 'failed');
      const [newest] = (await deliveries(id)).filter(({ state }) => state === 'pending');
      await giveUp(newest?.id ?? '');
      // A job of it that comes late counts for nothing.
      await giveUp(newest?.id ?? '');
    }
    expect(await isOff()).toBe(true);
    const told = await farm.owner.query(
      `SELECT 1 FROM audit_events WHERE action = 'webhook.disabled' AND subject_id = $1`,
      [id],
    );
    expect(told).toHaveLength(1);
    await come('ready');
    expect(await deliveries(id)).toHaveLength(5);
    const { body } = await farm.call('enableWebhook', producer.token, { params: { webhookId: id }, body: {} });
    expect(body.disabledAt).toBeNull();
    answer = takes;
    await come('failed');
    const [waiting] = (await deliveries(id)).filter(({ state }) => state === 'pending');
    await notify(waiting?.id ?? '');
    expect(received).toHaveLength(1);
  });

  it('that says it is gone is told nothing more', async () => {
    const { id } = await addWebhook();
    await come('ready');
    answer = (response) => void response.writeHead(410).end();
    const { id: deliveryId } = await only(id);
    await notify(deliveryId);
    expect(await only(id)).toMatchObject({ state: 'failed', status: 410, tries: 1 });
    await come('failed');
    expect(await deliveries(id)).toHaveLength(1);
  });

  it('that a person switched off is told nothing until it is switched on; what was on its way waits', async () => {
    answer = takes;
    const { id } = await addWebhook();
    await come('ready');
    const { id: deliveryId } = await only(id);
    const request = { params: { webhookId: id }, body: {} };
    const { body: off } = await farm.call('disableWebhook', producer.token, request);
    expect(off.disabledAt).not.toBeNull();
    expect((await farm.call('disableWebhook', producer.token, request)).body).toEqual(off);
    await come('failed');
    await notify(deliveryId);
    expect(received).toEqual([]);
    await farm.call('enableWebhook', producer.token, request);
    await notify(deliveryId);
    expect(received).toHaveLength(1);
    expect(await deliveries(id)).toHaveLength(1);
    const told = await farm.owner.query(
      `SELECT actor FROM audit_events WHERE action = 'webhook.disabled' AND subject_id = $1`,
      [id],
    );
    expect(told).toEqual([{ actor: `user:${producer.id}` }]);
  });

  it('is told when the queue was lost, and can be tried out', async () => {
    answer = takes;
    const { id } = await addWebhook();
    const { body: ping } = await farm.call('pingWebhook', producer.token, { params: { webhookId: id }, body: {} });
    expect(ping).toMatchObject({ event: 'webhook.ping', state: 'pending' });
    await farm.owner.query('DELETE FROM outbox');
    await farm.app.get(Reconciler, { strict: false }).reconcile(0);
    const rows = await farm.owner.query(`SELECT 1 FROM outbox WHERE stage = 'notify' AND key = $1`, [ping.id]);
    expect(rows).toHaveLength(1);
    await notify(ping.id);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ type: 'webhook.ping', data: { webhookId: id } });
  });

  it('is one of twenty at most, however many are asked for at once', async () => {
    const params = { projectId: shot.projectId };
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => farm.call('createWebhook', producer.token, { params, body: { url } })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(answers.filter(({ body }) => body.error?.code === 'CONFLICT')).toHaveLength(4);
  });

  it('is tried out ten times a minute at most, with all others of its project', async () => {
    const webhooks = [await addWebhook(), await addWebhook('/other')];
    const pings = await Promise.all(
      Array.from({ length: 14 }, (_, n) =>
        farm.call('pingWebhook', producer.token, { params: { webhookId: webhooks[n % 2]?.id ?? '' }, body: {} }),
      ),
    );
    expect(pings.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(pings.filter(({ body }) => body.error?.code === 'RATE_LIMITED')).toHaveLength(4);
    const again = () =>
      farm.call('pingWebhook', producer.token, { params: { webhookId: webhooks[0]?.id ?? '' }, body: {} });
    expect((await again()).status).toBe(429);
    await farm.owner.query(`UPDATE webhook_deliveries SET created_at = created_at - interval '61 seconds'`);
    expect((await again()).status).toBe(200);
  });

  it('is set up by a producer alone, for addresses that may be', async () => {
    const params = { projectId: shot.projectId };
    for (const wrong of ['http://hooks.example.org/', 'ftp://hooks.example.org/', 'https://me:secret@example.org/']) {
      const { status } = await farm.call('createWebhook', producer.token, { params, body: { url: wrong } });
      expect(status, wrong).toBe(400);
    }
    const artist = await farm.addUser();
    await farm.grant(shot.projectId, artist.id, 'artist');
    const body = { url: 'https://hooks.example.org/' };
    expect((await farm.call('createWebhook', artist.token, { params, body })).status).toBe(403);
    const { id } = await addWebhook();
    await come('ready');
    expect((await farm.call('deleteWebhook', producer.token, { params: { webhookId: id } })).status).toBe(200);
    expect((await farm.call('listWebhookDeliveries', producer.token, { params: { webhookId: id } })).status).toBe(404);
    await come('failed');
    expect(received).toEqual([]);
  });
});
