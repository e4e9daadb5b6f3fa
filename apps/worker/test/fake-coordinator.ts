import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  type Lease,
  ROUTES,
  type Route,
  type RouteName,
  UnderstudyError,
  toUnderstudyError,
} from '@understudy/contracts';

export interface SeenCall {
  readonly name: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

type Handler = (call: SeenCall) => unknown;

/** Speaks the lane's routes as the table has them: bodies and answers are checked by its schemas. */
export class FakeCoordinator {
  readonly calls: SeenCall[] = [];
  readonly handlers: Partial<Record<RouteName, Handler>> = {};
  /** Leases given out, one a request. */
  readonly leases: Lease[] = [];
  /** Uploaded bytes by path. */
  readonly uploads = new Map<string, Buffer>();
  /** Objects by path. */
  readonly objects = new Map<string, Buffer>();
  downloads = 0;
  #server: Server | undefined;
  #port = 0;

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens again on the same port after {@link stop}. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  count(name: RouteName): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  last(name: RouteName): SeenCall | undefined {
    return this.calls.findLast((call) => call.name === name);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      if (request.method === 'HEAD' || request.method === 'PUT') return this.#content(request, response, path, body);
      const object = this.objects.get(path);
      if (object !== undefined) {
        this.downloads += 1;
        response.writeHead(200, { 'content-length': object.length }).end(object);
        return;
      }
      const answer = await this.#route(request.method ?? '', path, body.toString('utf8'));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      response.writeHead(error.status, { 'content-type': 'application/json' }).end(JSON.stringify(error.toBody()));
    }
  }

  #content(request: IncomingMessage, response: ServerResponse, path: string, body: Buffer): void {
    const present = this.uploads.get(path) ?? Buffer.alloc(0);
    const grown = request.method === 'PUT' ? Buffer.concat([present, body]) : present;
    this.uploads.set(path, grown);
    response.writeHead(200, { 'upload-offset': grown.length }).end();
  }

  async #route(method: string, path: string, text: string): Promise<unknown> {
    for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
      const params = route.method === method ? matchPath(route.path, path) : null;
      if (params === null) continue;
      const body: unknown = route.body?.parse(JSON.parse(text)) ?? {};
      const call = { name, params, body: body as Record<string, unknown> };
      this.calls.push(call);
      const answer = (await (this.handlers[name] ?? this.#defaults[name])?.(call)) ?? {};
      return route.response.parse(answer);
    }
    throw new UnderstudyError('NOT_FOUND', 'no such route');
  }

  readonly #defaults: Partial<Record<RouteName, Handler>> = {
    challengeWorker: () => ({ challenge: randomUUID() }),
    openWorkerSession: () => ({ secret: `usw_${randomUUID()}`, validSeconds: 900 }),
    registerLane: () => ({ laneId: randomUUID() }),
    leaseTask: async ({ body }) => {
      const lease = this.leases.shift() ?? null;
      if (lease === null) await held(Math.min(100, Number(body['waitSeconds']) * 1000));
      return { lease };
    },
    pollOrders: () => held(100).then(() => ({ orders: [] })),
    heartbeatAttempt: () => ({ order: 'continue', expiresAt: new Date().toISOString() }),
    completeAttempt: () => ({ ok: true }),
    failAttempt: () => ({ ok: true }),
    releaseAttempt: () => ({ ok: true }),
    appendAttemptLog: () => ({ ok: true }),
  };
}

export function held(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function matchPath(pattern: string, path: string): Record<string, string> | null {
  const names = [...pattern.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
  const match = new RegExp(`^${pattern.replaceAll(/:\w+/g, '([^/]+)')}$`).exec(path);
  if (match === null) return null;
  return Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(match[i + 1] ?? '')]));
}

/** An enrol lease of one object, the simplest there is. */
export function enrolLease(overrides: Partial<Lease> & { url?: string } = {}): Lease {
  const attemptId = randomUUID();
  const { url = '/objects/image', ...rest } = overrides;
  return {
    kind: 'enrol',
    attemptId,
    taskId: randomUUID(),
    epoch: 1,
    expiresAt: new Date().toISOString(),
    leaseSeconds: 2,
    heartbeatSeconds: 0.2,
    upload: { url: `/api/v1/attempts/${attemptId}/result?epoch=1` },
    image: { sha256: 'a'.repeat(64), bytes: 5, mediaType: 'image/png', url },
    ...rest,
  } as Lease;
}
