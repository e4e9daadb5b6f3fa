import { createHmac, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { z } from 'zod';
import type { Config } from '../config/config.js';
import { type Clock, CLOCK, CONFIG } from '../platform/tokens.js';

const Claims = z.record(z.string(), z.string());
/** Text that the signature vouches for, beside the path: ids, a hash. */
export type UrlClaims = z.output<typeof Claims>;

const refused = (): UnderstudyError =>
  new UnderstudyError('FORBIDDEN', 'This address is not valid, or no longer; ask for a new one.');

/** Addresses of one object each that need no further sign-in and hold for a short while. */
@Injectable()
export class SignedUrls {
  private readonly key: Buffer;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.key = createHmac('sha256', Buffer.from(config.SECRET_KEY, 'hex')).update('understudy signed url').digest();
  }

  /** A path without query becomes an address, relative to the coordinator, that holds for `ttlSeconds`. */
  sign(path: string, ttlSeconds: number, claims: UrlClaims): string {
    const expires = String(Math.floor(this.clock.now().getTime() / 1000) + ttlSeconds);
    const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const query = new URLSearchParams({ expires, claims: text, signature: this.signature(path, expires, text) });
    return `${path}?${query.toString()}`;
  }

  /**
   * The claims of a signed address, as the request bore it; further query parameters are left to the handler.
   *
   * @throws UnderstudyError FORBIDDEN when the signature is wrong or its time is over
   */
  verify(originalUrl: string): UrlClaims {
    const { pathname, searchParams } = new URL(originalUrl, 'http://coordinator');
    const [expires = '', claims = '', signature = ''] = ['expires', 'claims', 'signature'].map(
      (name) => searchParams.get(name) ?? '',
    );
    const expected = Buffer.from(this.signature(pathname, expires, claims));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
    if (Number(expires) * 1000 <= this.clock.now().getTime()) throw refused();
    return Claims.parse(JSON.parse(Buffer.from(claims, 'base64url').toString()));
  }

  private signature(path: string, expires: string, claims: string): string {
    return createHmac('sha256', this.key).update(`${path}\n${expires}\n${claims}`).digest('base64url');
  }
}
