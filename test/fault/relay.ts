import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request of the worker on its way to the coordinator. */
export interface Call {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What it does to an attempt; null for everything else. */
  readonly deed: 'upload' | 'complete' | 'heartbeat' | null;
  readonly attemptId: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Answers a call in the coordinator's place or by way of `forward`; null lets the connection drop. */
export type Rule = (call: Call, forward: (call: Call) => Promise<Answer>) => Promise<Answer | null>;

const DEEDS = { result: 'upload', complete: 'complete', heartbeat: 'heartbeat' } as const;

/**
 * The only way to the coordinators, as a load balancer is: requests can be held, lost, altered, doubled, or the way be cut.
 * With several coordinators each request goes to the next one that takes it.
 */
export class Relay {
  readonly #server: Server;
  readonly #stranded = new Set<ServerResponse>();
  #cut = false;
  /** Sees every call; absent, all go through. */
  rule: Rule | undefined;

  #turn = 0;

  private constructor(private readonly targets: () => readonly number[]) {
    this.#server = createServer((incoming, outgoing) => {
      this.#pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
    this.#server.requestTimeout = 0;
  }

  static async open(targets: () => readonly number[]): Promise<Relay> {
    const relay = new Relay(targets);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing arrives in either direction, and nobody is told so. */
  cut(): void {
    this.#cut = true;
  }

  heal(): void {
    this.#cut = false;
    for (const outgoing of this.#stranded) outgoing.destroy();
    this.#stranded.clear();
  }

  async close(): Promise<void> {
    this.heal();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #forward(call: Call, signal: AbortSignal): Promise<Answer> {
    const ports = this.targets();
    let refused: unknown = new Error('there is no coordinator');
    for (const _ of ports) {
      try {
        return await send(call, ports[(this.#turn += 1) % ports.length]!, signal);
      } catch (thrown) {
        if (!isRefused(thrown)) throw thrown;
        refused = thrown;
      }
    }
    throw refused;
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.once('close', () => gone.abort());
    const call = await readCall(incoming);
    if (this.#cut) return void this.#stranded.add(outgoing);
    const forward = (asked: Call): Promise<Answer> => this.#forward(asked, gone.signal);
    const answer = await (this.rule === undefined ? forward(call) : this.rule(call, forward));
    if (this.#cut) return void this.#stranded.add(outgoing);
    if (answer === null) return void outgoing.destroy();
    outgoing.writeHead(answer.status, answer.headers);
    outgoing.end(answer.body);
  }
}

const isRefused = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNREFUSED';

async function readCall(incoming: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const path = incoming.url ?? '/';
  const method = incoming.method ?? 'GET';
  const found = /\/attempts\/([0-9a-f-]{36})\/(result|complete|heartbeat)/.exec(path);
  const name = found?.[2] as keyof typeof DEEDS | undefined;
  // Asking for the offset of an upload moves nothing.
  const deed = name === undefined || method === 'HEAD' ? null : DEEDS[name];
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  return { method, path, headers, body: Buffer.concat(chunks), deed, attemptId: found?.[1] ?? null };
}

/** Sends a call on; with a signal, gives up when that aborts. */
export function send(call: Call, port: number, signal?: AbortSignal): Promise<Answer> {
  const { 'transfer-encoding': _, connection: __, expect: ___, ...headers } = call.headers;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port, method: call.method, path: call.path, agent: false },
        headers: { ...headers, 'content-length': String(call.body.length) },
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const { 'transfer-encoding': _coding, connection: _kept, ...kept } = response.headers;
          resolve({ status: response.statusCode ?? 502, headers: kept, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(call.body);
  });
}
