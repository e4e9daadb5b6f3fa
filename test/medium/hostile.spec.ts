import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator } from './coordinator.js';

const PASSWORD = 'correct horse battery staple';
let farm: TestCoordinator;
let admin: string;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  admin = (await farm.addUser(['org_admin'])).token;
});
afterAll(() => farm.stop());

let made = 0;
async function account(): Promise<string> {
  const email = `hostile-${(made += 1)}@example.org`;
  await farm.call('createUser', admin, { body: { name: email, email, password: PASSWORD, farmRoles: [] } });
  return email;
}
const signIn = (email: string, password: string, cookie?: string) =>
  farm.send('POST', '/api/v1/session', {
    body: { email, password },
    ...(cookie === undefined ? {} : { headers: { cookie } }),
  });
const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
const me = async (cookie: string): Promise<number> =>
  (await farm.send('GET', '/api/v1/me', { headers: { cookie } })).status;

describe('sessions', () => {
  it('are never the one that a visitor brought along', async () => {
    const email = await account();
    const planted = 'understudy_session=uss_chosen-by-somebody-else';
    const response = await signIn(email, PASSWORD, planted);
    const given = cookieOf(response);
    expect(response.status).toBe(200);
    expect(given).toMatch(/^understudy_session=.{30,}$/);
    expect(given).not.toBe(planted);
    expect([await me(planted), await me(given)]).toEqual([401, 200]);
    const second = cookieOf(await signIn(email, PASSWORD, given));
    expect(second).not.toBe(given);
  });

  it('end for good: what was stolen before the sign-out opens nothing after it', async () => {
    const cookie = cookieOf(await signIn(await account(), PASSWORD));
    const headers = { cookie, 'x-understudy-request': '1' };
    expect((await farm.send('DELETE', '/api/v1/session', { headers })).status).toBe(200);
    expect(await me(cookie)).toBe(401);
  });

  it(
    'are refused in the same time to a wrong password, to nobody and to a locked account',
    { timeout: 60_000 },
    async () => {
      const locked = await account();
      for (let tries = 0; tries < 5; tries += 1) await signIn(locked, 'wrong');
      const accounts: string[] = [];
      for (let at = 0; at < 9; at += 1) accounts.push(await account());
      const fastest = { wrong: Infinity, nobody: Infinity, locked: Infinity };
      const kinds = ['wrong', 'nobody', 'locked'] as const;
      // The fastest of several, each in each place of a turn: what else the machine does only adds.
      for (const [round, wrong] of accounts.entries()) {
        const asked = { wrong, nobody: `nobody-${round}@example.org`, locked };
        for (const at of [0, 1, 2]) {
          const kind = kinds[(at + round) % 3] as (typeof kinds)[number];
          const began = performance.now();
          expect((await signIn(asked[kind], 'not the password')).status).toBe(401);
          fastest[kind] = Math.min(fastest[kind], performance.now() - began);
        }
      }
      const times = Object.values(fastest);
      expect(Math.max(...times) / Math.min(...times), JSON.stringify(fastest)).toBeLessThan(1.5);
    },
  );
});

describe('a stolen worker token', () => {
  it('opens nothing from the moment it is revoked, though it is kept in memory', async () => {
    const worker = await farm.addWorker();
    const register = () =>
      farm.call('registerLane', worker.token, {
        body: {
          ordinal: 0,
          host: 'host',
          capabilities: {
            parityClass: { provider: 'cpu', precision: 'fp32', runtime: 't', instructionSet: 't', batch: 1 },
            kinds: ['render'],
            threads: 1,
            vramMiB: 0,
            packs: ['default'],
          },
        },
      });
    expect((await register()).status).toBe(200);
    expect((await register()).status).toBe(200);
    await farm.owner.query('UPDATE tokens SET revoked_at = now() WHERE worker_id = $1', [worker.id]);
    // The word travels by a notification.
    const began = performance.now();
    while ((await register()).status !== 401) {
      expect(performance.now() - began).toBeLessThan(2_000);
      await delay(20);
    }
  });

  it.each([
    ['people', 'GET', '/api/v1/users'],
    ['consents', 'GET', '/api/v1/consents'],
    ['shots', 'GET', '/api/v1/shots'],
    ['the log', 'GET', '/api/v1/audit/export'],
    ['other workers', 'GET', '/api/v1/workers'],
  ])('shows nothing of %s', async (_, method, path) => {
    const worker = await farm.addWorker();
    expect((await farm.send(method, path, { token: worker.token })).status).toBe(403);
  });
});

describe('slow clients', () => {
  it('two hundred that never finish their request keep nobody else from an answer', async () => {
    const { port, hostname } = new URL(farm.url);
    const sockets: Socket[] = [];
    for (let at = 0; at < 200; at += 1) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(
        'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n',
      );
      // Half of them stop in their headers, half in their body.
      if (at % 2 === 0) socket.write('\r\n{"email":');
      sockets.push(socket);
    }
    const began = performance.now();
    expect((await farm.call('health', undefined)).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(5_000);
    for (const socket of sockets) socket.destroy();
  });
});

it('runs nothing of what stands in a name', async () => {
  const name = '$(touch /tmp/understudy-hostile); `touch /tmp/understudy-hostile` | touch /tmp/understudy-hostile';
  const { status } = await farm.call('createProject', admin, { body: { name, profile: 'farm' } });
  expect(status).toBe(200);
  const [row] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE name = $1', [name]);
  expect(row?.name).toBe(name);
  expect(existsSync('/tmp/understudy-hostile')).toBe(false);
});
