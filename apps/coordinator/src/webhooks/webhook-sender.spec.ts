import { createServer, type AddressInfo, type Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Resolve } from './public-lookup.js';
import { WebhookSender } from './webhook-sender.js';

/** Handed out to the public. Nothing is sent there: each socket is closed as soon as it begins to connect. */
const [PUBLIC, PUBLIC_6] = ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'];

/** Each question gets the next answer. */
function answering(...answers: readonly string[][]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, _, callback) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    const found = answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    setImmediate(() => callback(null, found));
  };
  return { resolve, asked };
}

/** What stands inside: somebody who connects to it was led there. */
let inside: Server;
let visits: number;
/** The addresses that sockets begin to connect to. */
let attempts: string[];
const { connect } = Socket.prototype;
function watched(this: Socket, ...given: unknown[]): Socket {
  this.once('connectionAttempt', (address: string) => {
    attempts.push(address);
    setImmediate(() => this.destroy(new Error('far enough')));
  });
  return Reflect.apply(connect, this, given) as Socket;
}

beforeEach(async () => {
  [visits, attempts] = [0, []];
  inside = createServer((socket) => {
    visits += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => inside.once('listening', resolve));
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(watched);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await new Promise((resolve) => inside.close(resolve));
});

const STRICT = { WEBHOOKS_TO_PRIVATE_HOSTS: false };
const url = (): string => `https://hooks.example.org:${(inside.address() as AddressInfo).port}/`;

describe('a webhook whose name leads elsewhere from one moment to the next', () => {
  it.each([PUBLIC, PUBLIC_6])('is connected to at the very address that was looked at: %s', async (address) => {
    const { resolve, asked } = answering([address], ['127.0.0.1']);
    const sender = new WebhookSender(STRICT, resolve);
    await expect(sender.post(url(), {}, '{}')).rejects.toMatchObject({ code: 'WEBHOOK_NOT_TAKEN' });
    expect([asked, attempts, visits]).toEqual([['hooks.example.org'], [address], 0]);
    // The next try asks anew, and is refused before it connects.
    await expect(sender.post(url(), {}, '{}')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect([asked.length, attempts, visits]).toEqual([2, [address], 0]);
  });

  it.each([[[PUBLIC, '127.0.0.1']], [['::1', PUBLIC_6]], [[PUBLIC, '169.254.169.254']], [[]]])(
    'is not connected to where it leads to %j at once',
    async (answer) => {
      const sender = new WebhookSender(STRICT, answering(answer).resolve);
      await expect(sender.post(url(), {}, '{}')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      expect([attempts, visits]).toEqual([[], 0]);
    },
  );
});
