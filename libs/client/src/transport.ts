import * as http from 'node:http';
import * as https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';

import { UnderstudyError } from '@understudy/contracts';

import { cancelled, unreachable } from './answer.js';
import { bearer } from './bearer.js';

export interface TransportOptions {
  readonly baseUrl: string;
  readonly token?: string | (() => string);
  /** A connection on which nothing moves for so long is cut. 30,000 by default. */
  readonly stallMs?: number;
}

export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'HEAD';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Must be read to its end or destroyed. */
  readonly body: Readable;
}

/** Streams in both directions over kept connections; what fetch can't do without holding a body in memory. */
export interface Transport {
  /** @throws UnderstudyError COORDINATOR_UNREACHABLE, CANCELLED */
  exchange(exchange: Exchange): Promise<Answer>;
  close(): void;
}

const STALL_MS = 30_000;

export function openTransport({ baseUrl, token, stallMs = STALL_MS }: TransportOptions): Transport {
  const base = new URL(baseUrl);
  const secure = base.protocol === 'https:';
  const agent = secure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  const request = secure ? https.request : http.request;
  return {
    exchange: async ({ method, path, headers, body, signal }) => {
      const address = addressOf(base, path);
      const authorization = token === undefined ? {} : { authorization: bearer(token) };
      const outgoing = request(address, {
        method,
        agent,
        headers: { ...authorization, ...headers },
        timeout: stallMs,
        ...(signal === undefined ? {} : { signal }),
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`nothing moved for ${stallMs} ms`)));
      try {
        return await send(outgoing, body);
      } catch (cause) {
        throw signal?.aborted === true ? cancelled(cause) : unreachable(cause);
      }
    },
    close: () => agent.destroy(),
  };
}

/** The token goes to the coordinator alone, so an address that leads elsewhere is refused. */
function addressOf(base: URL, path: string): URL {
  const address = new URL(`${base.pathname.replace(/\/+$/, '')}${path}`, base);
  if (!path.startsWith('/') || address.origin !== base.origin) {
    throw new UnderstudyError('INVALID_REQUEST', 'The address of a content is a path of the coordinator.');
  }
  return address;
}

function send(outgoing: http.ClientRequest, body: Readable | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) =>
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming }),
    );
    if (body === undefined) outgoing.end();
    // After a refusal the rest of the body fails to go out; the answer has settled the promise by then.
    else pipeline(body, outgoing).catch(reject);
  });
}

const MOST_ERROR_BYTES = 64 * 1024;

/** A short body as text. */
export async function answerText(answer: Answer): Promise<string> {
  const length = Number(answer.headers['content-length'] ?? 0);
  if (length > MOST_ERROR_BYTES) {
    answer.body.destroy();
    return '';
  }
  try {
    return (await buffer(answer.body)).toString('utf8');
  } catch (cause) {
    throw unreachable(cause);
  }
}
