import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCoordinator } from '../../apps/coordinator/src/coordinator.js';
import { listen } from '../../apps/coordinator/src/listen.js';
import { createLogger } from '../../apps/coordinator/src/platform/logger.js';
import { TestCoordinator } from './coordinator.js';
import { createTestDatabase } from './database.js';

/** A way to the database that can be cut. */
class Wire {
  private readonly sockets = new Set<Socket>();
  private cut = false;
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async to(url: URL): Promise<Wire> {
    const [port, host] = [Number(url.port), url.hostname];
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const wire = new Wire(server, (server.address() as { port: number }).port);
    server.on('connection', (client) => {
      if (wire.cut) return client.destroy();
      const upstream = connect(port, host);
      for (const socket of [client, upstream]) {
        wire.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => [client, upstream].forEach((end) => end.destroy()));
      }
      client.pipe(upstream).pipe(client);
    });
    return wire;
  }

  sever(): void {
    this.cut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.cut = false;
  }

  close(): Promise<void> {
    this.sever();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

let wire: Wire;
let farm: TestCoordinator;
let consoleDir: string;
beforeAll(async () => {
  const database = await createTestDatabase();
  const url = new URL(database.runtimeUrl);
  wire = await Wire.to(url);
  url.host = `127.0.0.1:${wire.port}`;
  consoleDir = await mkdtemp(join(tmpdir(), 'console-'));
  await mkdir(join(consoleDir, 'assets'));
  await writeFile(join(consoleDir, 'index.html'), '<!doctype html><title>Console</title>');
  await writeFile(join(consoleDir, 'assets', 'main-1a2b.js'), 'export {};');
  farm = await TestCoordinator.start({ DATABASE_URL: url.toString(), CONSOLE_DIR: consoleDir }, undefined, database);
});
afterAll(async () => {
  await farm.stop();
  await wire.close();
  await rm(consoleDir, { recursive: true, force: true });
});

describe('while the database is away', () => {
  it('requests are told so, and served again when it is back', async () => {
    const { token } = await farm.addUser(['org_admin']);
    expect((await farm.call('listProjects', token)).status).toBe(200);
    wire.sever();
    for (const name of ['listProjects', 'health'] as const) {
      const { status, body } = await farm.call(name, token);
      expect({ status, code: body.error?.code }).toEqual({ status: 503, code: 'DATABASE_UNAVAILABLE' });
    }
    wire.mend();
    await expect.poll(async () => (await farm.call('listProjects', token)).status, { timeout: 20_000 }).toBe(200);
  });

  it('the coordinator still ends when it is told to', async () => {
    const second = await createCoordinator(farm.config, createLogger('silent'));
    await second.init();
    wire.sever();
    try {
      await second.close();
    } finally {
      wire.mend();
    }
  }, 20_000);
});

describe('what does not fit', () => {
  it.each([
    ['broken JSON', '{"name":', 400, 'INVALID_REQUEST'],
    ['JSON that is no object', '"name"', 400, 'INVALID_REQUEST'],
    ['more than a body may have', JSON.stringify({ name: 'x'.repeat(17 * 1024 * 1024) }), 413, 'PAYLOAD_TOO_LARGE'],
  ])('%s', async (_, text, status, code) => {
    const { token } = await farm.addUser(['org_admin']);
    const response = await fetch(`${farm.url}/api/v1/projects`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: text,
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  it('an id that is none', async () => {
    const { token } = await farm.addUser(['org_admin']);
    const { status, body } = await farm.json('DELETE', '/api/v1/tokens/../../etc', { token });
    expect([400, 404]).toContain(status);
    expect(body.error?.code).toMatch(/INVALID_REQUEST|NOT_FOUND/);
  });
});

describe('a busy port', () => {
  it('is PORT_BUSY, in one line with its address', async () => {
    const port = new URL(farm.url).port;
    const config = { ...farm.config, PORT: Number(port) };
    const second = await createCoordinator(config, createLogger('silent'));
    try {
      const busy = listen(second, config);
      await expect(busy).rejects.toMatchObject({ code: 'PORT_BUSY', message: expect.stringContaining(`:${port} `) });
    } finally {
      await second.close();
    }
  });
});

describe('the console', () => {
  it('is served at every address of its own, with its files, and nothing of it under the API', async () => {
    for (const path of ['/', '/shots', '/shots/5/deep']) {
      const page = await farm.send('GET', path, { headers: { accept: 'text/html' } });
      expect([page.status, await page.text()]).toEqual([200, '<!doctype html><title>Console</title>']);
    }
    const file = await farm.send('GET', '/assets/main-1a2b.js');
    expect([file.status, file.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    for (const path of ['/api/v1/nothing', '/assets/missing.js', '/..%2f..%2fetc%2fpasswd.txt']) {
      expect((await farm.send('GET', path, { headers: { accept: 'text/html' } })).status, path).toBe(404);
    }
  });

  it('runs scripts of this origin alone and is framed by nobody', async () => {
    const { headers } = await farm.send('GET', '/', { headers: { accept: 'text/html' } });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});
