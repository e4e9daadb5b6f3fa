import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Request, Response } from 'express';
import { DenialAudit } from '../audit/denial-audit.js';
import { Metrics } from '../metrics/metrics.js';
import type { Logger } from '../platform/logger.js';
import { LOGGER } from '../platform/tokens.js';
import { asUnderstudyError } from './as-understudy-error.js';

/** The one place where an error becomes an answer: `{ error: { code, message, details } }`. */
@Injectable()
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly denials: DenialAudit,
    private readonly metrics: Metrics,
  ) {}

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const error = asUnderstudyError(thrown);
    this.log(error, request);
    this.metrics.refused(request, thrown);
    await this.denials.record(request, error);
    if (response.headersSent) {
      // Half an answer is out: only a broken connection tells the client so.
      response.destroy();
      return;
    }
    response.status(error.status).json(this.visible(error, request).toBody());
  }

  /** What nobody foresaw stays inside; the request's id leads to it. */
  private visible(error: UnderstudyError, { requestId }: Request): UnderstudyError {
    if (error.code !== 'INTERNAL') return error;
    return new UnderstudyError('INTERNAL', `Something went wrong inside; the log tells more under ${requestId}.`);
  }

  private log(error: UnderstudyError, { requestId, method, path, actor }: Request): void {
    const context = { requestId, method, path, actor: actor?.label, code: error.code };
    if (error.status >= 500) this.logger.error({ ...context, err: error.code === 'INTERNAL' ? error : error.cause });
    else this.logger.info(context, 'refused');
  }
}
