import { lookup } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { isLoopbackHost, isPublicAddress } from './public-address.js';
import { notPublic, publicLookup, type Resolve } from './public-lookup.js';

const TIMEOUT_MS = 10_000;
/** For a resolver of one's own where addresses have to be public; without one it is the host's. */
export const RESOLVER = Symbol('resolver');

/** Sends a body to an address that somebody outside has named, and to no other. */
@Injectable()
export class WebhookSender {
  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'WEBHOOKS_TO_PRIVATE_HOSTS'>,
    @Optional() @Inject(RESOLVER) private readonly resolve: Resolve = lookup,
  ) {}

  /** @throws UnderstudyError INVALID_REQUEST for an address that nothing is ever sent to */
  requireAllowed(text: string): URL {
    const url = new URL(text);
    const isPrivateAllowed = this.config.WEBHOOKS_TO_PRIVATE_HOSTS;
    if (url.protocol !== 'https:' && !(isPrivateAllowed && isLoopbackHost(url.hostname))) {
      throw new UnderstudyError('INVALID_REQUEST', 'A webhook needs an https address.');
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const isNamed = isIP(host) === 0;
    if (!isPrivateAllowed && (isNamed ? isLoopbackHost(host) : !isPublicAddress(host))) throw notPublic();
    return url;
  }

  /**
   * One POST, to the address that was looked at and no other: a host's name is resolved here, each of its addresses has to
   * be public, and the connection goes to one of them. Redirects are not followed, and what comes back is not kept.
   *
   * @returns the receiver's status
   * @throws UnderstudyError INVALID_REQUEST; WEBHOOK_NOT_TAKEN when there was no answer in time
   */
  async post(text: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
    const url = this.requireAllowed(text);
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    return await new Promise<number>((resolve, reject) => {
      const sent = request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'understudy',
          ...headers,
        },
        agent: false,
        lookup: this.config.WEBHOOKS_TO_PRIVATE_HOSTS ? lookup : publicLookup(this.resolve),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      sent.once('response', (response) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      });
      sent.on('error', (cause) => reject(notTaken(cause)));
      sent.end(body);
    });
  }
}

function notTaken(cause: Error): UnderstudyError {
  if (cause instanceof UnderstudyError) return cause;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  return new UnderstudyError('WEBHOOK_NOT_TAKEN', `no answer (${code})`, { cause });
}
