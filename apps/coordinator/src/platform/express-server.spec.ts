import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { ExpressServer } from './express-server.js';

describe('the server under Express', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.close();
    if (server?.listening) await once(server, 'close');
  });

  it('makes requests and responses with the prototypes that Express gives them', async () => {
    const adapter = new ExpressServer();
    adapter.initHttpServer();
    server = adapter.getHttpServer() as Server;
    const made: unknown[] = [];
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) =>
      made.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response)),
    );
    const handled: unknown[] = [];
    const express = adapter.getInstance<Express>();
    express.get('/path', (request, response) => {
      handled.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
      response.status(201).json({ path: request.path, agent: request.get('x-name'), isOwn: request.app === express });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/path`, { headers: { 'x-name': 'lane', connection: 'close' } });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toEqual({ path: '/path', agent: 'lane', isOwn: true });
    expect(made).toHaveLength(2);
    expect(made[0]).toBe(handled[0]);
    expect(made[1]).toBe(handled[1]);
  });
});
