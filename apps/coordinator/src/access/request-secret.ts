import type { Request } from 'express';

export const SESSION_COOKIE = 'understudy_session';

/** What a request shows to say who asks: a token in its `Authorization` header, or the session's cookie. */
export function secretsOf(request: Request): { bearer: string | undefined; cookie: string | undefined } {
  const [scheme, secret] = (request.headers.authorization ?? '').split(' ');
  const cookies = request.cookies as Record<string, unknown> | undefined;
  const value = cookies?.[SESSION_COOKIE];
  return {
    bearer: scheme?.toLowerCase() === 'bearer' ? secret : undefined,
    cookie: typeof value === 'string' ? value : undefined,
  };
}
