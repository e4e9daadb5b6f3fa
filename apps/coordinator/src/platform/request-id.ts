import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from './logger.js';

/** An id for each request, answered as `x-request-id`, and one line when it ends. The line has no query and no names. */
export function requestLog(logger: Logger) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const startedAt = performance.now();
    request.requestId = randomUUID();
    response.setHeader('x-request-id', request.requestId);
    response.on('finish', () => {
      const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
      const { requestId, actor, method, path } = request;
      logger.debug(
        { requestId, method, path, status: response.statusCode, durationMs, actor: actor?.label },
        'request',
      );
    });
    next();
  };
}
