import 'reflect-metadata';
import { configFromEnvironment } from './config/config.js';
import { createCoordinator } from './coordinator.js';
import { listen } from './listen.js';
import { asUnderstudyError } from './errors/as-understudy-error.js';
import { createLogger, type Logger } from './platform/logger.js';

function fail(logger: Logger, thrown: unknown): never {
  const error = asUnderstudyError(thrown);
  logger.fatal({ code: error.code, ...(error.code === 'INTERNAL' ? { err: error } : {}) }, error.message);
  process.exit(error.exitCode);
}

let logger = createLogger('info');
try {
  const config = configFromEnvironment();
  logger = createLogger(config.LOG_LEVEL);
  const app = await createCoordinator(config, logger);
  const port = await listen(app, config);
  logger.info({ port }, 'listening');

  const stop = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'draining');
    void app.close().then(
      () => process.exit(0),
      (thrown: unknown) => fail(logger, thrown),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (thrown) {
  fail(logger, thrown);
}
