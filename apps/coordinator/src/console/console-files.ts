import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { UnderstudyError } from '@understudy/contracts';
import type { NextFunction, Request, Response } from 'express';

/**
 * Serves the built console to anybody: it holds no data, the API behind it asks who they are. Its own addresses are
 * answered with the one page that knows them; files and API are not.
 *
 * @throws UnderstudyError INVALID_REQUEST when the folder holds no built console
 */
export function serveConsole(app: NestExpressApplication, folder: string): void {
  const root = resolve(folder);
  const page = join(root, 'index.html');
  if (!existsSync(page)) {
    throw new UnderstudyError('INVALID_REQUEST', 'CONSOLE_DIR holds no index.html; build the console first.');
  }
  app.useStaticAssets(root, {
    index: false,
    redirect: false,
    // The bundler puts a hash of the content into the names of what lies here.
    setHeaders: (response: Response, path: string) =>
      response.setHeader(
        'cache-control',
        path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ),
  });
  app.use((request: Request, response: Response, next: NextFunction) => {
    const wantsPage =
      request.method === 'GET' && !request.path.startsWith('/api/') && request.accepts('html') !== false;
    const isFile = /\.[a-z0-9]+$/i.test(request.path);
    if (!wantsPage || isFile) return next();
    response.setHeader('cache-control', 'no-cache');
    response.sendFile(page);
  });
}
