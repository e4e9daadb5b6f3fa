import { UnderstudyError } from '@understudy/contracts';
import type { Request } from 'express';

/** Any value will do: a page of another origin cannot set it without a preflight, which is never granted. */
export const CSRF_HEADER = 'x-understudy-request';

function sameOrigin(request: Request, origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.headers.host;
}

/**
 * Refuses what a page of another origin could make a browser send along with the session's cookie: a change without
 * this origin's `Origin` or our own header.
 */
export function refuseForeignChange(request: Request): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const { origin } = request.headers;
  const allowed = origin === undefined ? request.headers[CSRF_HEADER] !== undefined : sameOrigin(request, origin);
  if (!allowed) throw new UnderstudyError('FORBIDDEN', 'A change by a signed-in browser must come from this console.');
}
