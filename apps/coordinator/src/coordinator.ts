import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import helmet from 'helmet';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { serveConsole } from './console/console-files.js';
import { CONTENT_SECURITY_POLICY } from './console/content-security-policy.js';
import { ExpressServer } from './platform/express-server.js';
import { type Logger, NestLogger } from './platform/logger.js';
import { requestLog } from './platform/request-id.js';
import type { Clock } from './platform/tokens.js';
import './platform/request.js';

/** JSON bodies: a consent document with a hundred templates, the frame hashes of a long shard. */
const JSON_LIMIT = '16mb';

/** The whole coordinator, wired and not yet listening. */
export async function createCoordinator(
  config: Config,
  logger: Logger,
  clock?: Clock,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(config, logger, clock),
    new ExpressServer(),
    {
      logger: new NestLogger(logger),
      bodyParser: false,
      abortOnError: false,
    },
  );
  app.disable('x-powered-by');
  if (config.TRUSTED_PROXIES !== undefined) app.set('trust proxy', config.TRUSTED_PROXIES);
  // Answers are small and fresh; hashing each for an ETag costs a lane's request more than sending it.
  app.disable('etag');
  app.use(requestLog(logger));
  app.use(helmet({ contentSecurityPolicy: CONTENT_SECURITY_POLICY }));
  app.use(cookieParser());
  app.useBodyParser('json', { limit: JSON_LIMIT, strict: true });
  if (config.CONSOLE_DIR !== undefined) serveConsole(app, config.CONSOLE_DIR);
  return app;
}
