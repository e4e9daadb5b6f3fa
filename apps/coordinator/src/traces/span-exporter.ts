import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Config } from '../config/config.js';
import { VERSION } from '../health/version.js';
import { Metrics } from '../metrics/metrics.js';
import { CONFIG } from '../platform/tokens.js';
import { otlpBody } from './otlp.js';
import type { Span } from './shot-spans.js';

const BATCH = 500;
const TIMEOUT_MS = 10_000;
/** Answers after which the protocol says to send again. */
const AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Sends spans to the collector that the farm's operator named, by OTLP over HTTP in JSON. */
@Injectable()
export class SpanExporter {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  get isOn(): boolean {
    return this.config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;
  }

  /** What the collector refuses for good is counted. @throws UnderstudyError TRACES_NOT_TAKEN, to be sent again */
  async send(spans: readonly Span[]): Promise<void> {
    for (let from = 0; from < spans.length; from += BATCH) await this.#post(spans.slice(from, from + BATCH));
  }

  async #post(spans: readonly Span[]): Promise<void> {
    const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = this.config;
    if (endpoint === undefined) return;
    let response: Response;
    try {
      response = await fetch(`${endpoint.replace(/\/$/, '')}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: otlpBody(spans, VERSION),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new UnderstudyError('TRACES_NOT_TAKEN', 'The collector of traces gave no answer.', { cause });
    }
    await response.body?.cancel();
    if (response.ok) return this.metrics.spans('sent', spans.length);
    if (AGAIN.has(response.status)) {
      throw new UnderstudyError('TRACES_NOT_TAKEN', `The collector of traces answered with status ${response.status}.`);
    }
    this.metrics.spans('dropped', spans.length);
  }
}
