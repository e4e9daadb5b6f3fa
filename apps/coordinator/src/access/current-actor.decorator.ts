import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Request } from 'express';
import type { Actor } from './actor.js';
import type { UrlClaims } from './signed-urls.js';

/** Who asks. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = context.switchToHttp().getRequest<Request>();
  if (actor === undefined) throw new UnderstudyError('UNAUTHENTICATED', 'Sign in first.');
  return actor;
});

/** What the signature on the URL vouches for; only behind `{ signedUrl: true }`. */
export const SignedClaims = createParamDecorator((_: unknown, context: ExecutionContext): UrlClaims => {
  const { urlClaims } = context.switchToHttp().getRequest<Request>();
  if (urlClaims === undefined) throw new UnderstudyError('FORBIDDEN', 'This address needs a signature.');
  return urlClaims;
});
