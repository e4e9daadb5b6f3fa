import 'reflect-metadata';
import { UnderstudyError } from '@understudy/contracts';
import { configFromEnvironment, type Config } from '../config/config.js';
import { createCoordinator } from '../coordinator.js';
import { listen } from '../listen.js';
import { createLogger } from '../platform/logger.js';
import { ResultVerifier } from '../shards/result-verifier.js';

/**
 * A coordinator that takes every result for good unseen, so that dispatch can be measured without media. It is an entry of
 * its own: `main.js` has no setting that leads here, and this one serves nothing but a bench's database on loopback.
 */
const BENCH_DATABASE = /^\/understudy_bench$/;

function requireBench({ DATABASE_URL, HOST }: Config): void {
  if (HOST === '127.0.0.1' && BENCH_DATABASE.test(new URL(DATABASE_URL).pathname)) return;
  throw new UnderstudyError('FORBIDDEN', 'This coordinator verifies nothing: it serves a bench on loopback alone.');
}

const config = configFromEnvironment();
requireBench(config);
const logger = createLogger(config.LOG_LEVEL);
const app = await createCoordinator(config, logger);
app.get(ResultVerifier, { strict: false }).verify = () => Promise.resolve();
const port = await listen(app, config);
logger.info({ port, verification: 'accepts every result unseen' }, 'listening');
process.once('SIGTERM', () => {
  void app.close().then(() => process.exit(0));
});
