import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { UnderstudyError } from '@understudy/contracts';
import { afterEach, describe, expect, it } from 'vitest';

import { createClient } from './client.js';

const ID = '0190f5a6-4c2b-7c3e-9a41-0c8f6f0d2b11';
const closers: (() => void)[] = [];

async function serve(handler: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => handler(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe('client', () => {
  it('sends method, filled path, query, token and body as the table says', async () => {
    const seen: unknown[] = [];
    const baseUrl = await serve((request, response, body) => {
      seen.push({ method: request.method, url: request.url, token: request.headers.authorization, body });
      json(response, 200, request.method === 'POST' ? { laneId: ID } : { orders: [] });
    });
    const client = createClient({ baseUrl: `${baseUrl}/`, token: 'secret' });
    await client.call('pollOrders', { params: { laneId: 'a/../b' }, query: { waitSeconds: 1 } });
    const capabilities = {
      parityClass: {
        provider: 'cpu' as const,
        precision: 'fp32' as const,
        runtime: 'r',
        instructionSet: 'i',
        batch: 1,
      },
      kinds: ['render' as const],
      threads: 1,
      vramMiB: 0,
      packs: ['p'],
    };
    const answer = await client.call('registerLane', { body: { ordinal: 0, host: 'h', capabilities } });
    expect(answer).toEqual({ laneId: ID });
    expect(seen).toEqual([
      { method: 'GET', url: '/api/v1/lanes/a%2F..%2Fb/orders?waitSeconds=1', token: 'Bearer secret', body: '' },
      {
        method: 'POST',
        url: '/api/v1/lanes',
        token: 'Bearer secret',
        body: JSON.stringify({ ordinal: 0, host: 'h', capabilities }),
      },
    ]);
  });

  it("gives the coordinator's code, message and details", async () => {
    const baseUrl = await serve((_, response) =>
      json(response, 409, { error: { code: 'STALE_EPOCH', message: 'too late', details: { epoch: 3 } } }),
    );
    const error = await failure(createClient({ baseUrl }).call('health'));
    expect(error).toMatchObject({ code: 'STALE_EPOCH', message: 'too late', details: { epoch: 3 } });
  });

  it.each([
    [401, 'UNAUTHENTICATED'],
    [404, 'NOT_FOUND'],
    [502, 'COORDINATOR_UNREACHABLE'],
    [500, 'INTERNAL'],
  ])('knows a bare status %i', async (status, code) => {
    const baseUrl = await serve((_, response) => response.writeHead(status).end('<html>'));
    expect((await failure(createClient({ baseUrl }).call('health'))).code).toBe(code);
  });

  it('refuses an answer of another form', async () => {
    const baseUrl = await serve((_, response) => json(response, 200, { status: 'fine' }));
    expect((await failure(createClient({ baseUrl }).call('health'))).code).toBe('INTERNAL');
  });

  it('says COORDINATOR_UNREACHABLE where nobody listens, and when no answer comes in time', async () => {
    const client = createClient({ baseUrl: 'http://127.0.0.1:9' });
    expect((await failure(client.call('health'))).code).toBe('COORDINATOR_UNREACHABLE');
    const baseUrl = await serve(() => {});
    const slow = createClient({ baseUrl, timeouts: { requestMs: 50 } });
    expect((await failure(slow.call('health'))).code).toBe('COORDINATOR_UNREACHABLE');
  });

  it('waits as long as a held request may be held', async () => {
    const baseUrl = await serve((_, response) => setTimeout(() => json(response, 200, { orders: [] }), 400));
    const client = createClient({ baseUrl, timeouts: { requestMs: 50 } });
    const answer = await client.call('pollOrders', { params: { laneId: ID }, query: { waitSeconds: 1 } });
    expect(answer.orders).toEqual([]);
  });

  it('is cancelled by the signal', async () => {
    const baseUrl = await serve(() => {});
    const controller = new AbortController();
    const call = failure(createClient({ baseUrl }).call('health', {}, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 30);
    expect((await call).code).toBe('CANCELLED');
  });

  it('keeps its connections', async () => {
    const ports = new Set<number | undefined>();
    const baseUrl = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      json(response, 200, { status: 'ok', version: '1', leases: { given: true, reason: null } });
    });
    const client = createClient({ baseUrl });
    for (let i = 0; i < 20; i++) await client.call('health');
    // The platform's fetch may open a second one before it knows that the first is free again.
    expect(ports.size).toBeLessThanOrEqual(2);
  });
});

async function failure(call: Promise<unknown>): Promise<UnderstudyError> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof UnderstudyError)) throw new Error(`expected an UnderstudyError, got ${String(outcome)}`);
  return outcome;
}
