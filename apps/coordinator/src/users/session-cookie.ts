import { Inject, Injectable } from '@nestjs/common';
import type { CookieOptions, Response } from 'express';
import { SESSION_COOKIE } from '../access/request-secret.js';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { SESSION_HOURS } from './session.repository.js';

/** Holds on to one sign-in through the provider, in the browser that began it; sent nowhere but there. */
export const FLOW_COOKIE = 'understudy_sign_in';
const FLOW_PATH = '/api/v1/session/provider';
const FLOW_MS = 600_000;

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** The one place where a session's secret goes to a browser. */
@Injectable()
export class SessionCookie {
  private readonly options: CookieOptions;

  constructor(@Inject(CONFIG) config: Config) {
    // Plain HTTP is for loopback alone; anywhere else the browser must have come by HTTPS.
    this.options = { httpOnly: true, sameSite: 'strict', path: '/', secure: !LOOPBACK.has(config.HOST) };
  }

  set(response: Response, secret: string): void {
    response.cookie(SESSION_COOKIE, secret, { ...this.options, maxAge: SESSION_HOURS * 3_600_000 });
  }

  clear(response: Response): void {
    response.clearCookie(SESSION_COOKIE, this.options);
  }

  setFlow(response: Response, secret: string): void {
    response.cookie(FLOW_COOKIE, secret, { ...this.options, path: FLOW_PATH, maxAge: FLOW_MS });
  }

  clearFlow(response: Response): void {
    response.clearCookie(FLOW_COOKIE, { ...this.options, path: FLOW_PATH });
  }
}
