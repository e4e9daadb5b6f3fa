import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config/config.js';

export type { Logger } from 'pino';

/** An error and what caused it: a driver hangs its whole client, addresses and settings included, on what it throws. */
function errorLine(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, message, stack, cause } = thrown;
  const { code } = thrown as { code?: unknown };
  return { name, message, stack, code, ...(cause === undefined ? {} : { cause: errorLine(cause) }) };
}

/** One JSON line a log, to standard output. Secrets have no business in a log even when somebody hands them over. */
export function createLogger(level: Config['LOG_LEVEL'], destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    redact: { paths: ['secret', 'password', 'authorization', 'cookie', '*.secret', '*.password'], remove: true },
    serializers: { err: errorLine },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Nest's own words, one level down: they tell about the framework, not about the farm. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }

  error(message: unknown, stack?: string, context?: string): void {
    this.logger.error({ context, stack }, String(message));
  }
}
