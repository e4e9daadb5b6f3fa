import { Injectable } from '@nestjs/common';
import type { StageData } from '@understudy/contracts';
import { Metrics } from '../metrics/metrics.js';
import type { StageHandler } from '../stages/stage-handler.js';
import { shotSpans } from './shot-spans.js';
import { SpanExporter } from './span-exporter.js';
import { TraceRepository } from './trace.repository.js';

/** Attempts of one version that are told; the rest is counted as dropped. */
const MOST_ATTEMPTS = 10_000;

/** Tells a collector what became of a shot version, once it settled. Told again, the spans bear the same ids. */
@Injectable()
export class TraceStage implements StageHandler<'trace'> {
  readonly stage = 'trace';

  constructor(
    private readonly repository: TraceRepository,
    private readonly exporter: SpanExporter,
    private readonly metrics: Metrics,
  ) {}

  /** @throws UnderstudyError TRACES_NOT_TAKEN, to be tried again */
  async run({ shotVersionId, state }: StageData<'trace'>): Promise<void> {
    if (!this.exporter.isOn) return;
    const version = await this.repository.find(shotVersionId, MOST_ATTEMPTS);
    if (version === null) return;
    if (version.hasMore) this.metrics.spans('dropped', 1);
    await this.exporter.send(shotSpans(version, state));
  }

  async abandon({ shotVersionId, state }: StageData<'trace'>): Promise<void> {
    const version = await this.repository.find(shotVersionId, MOST_ATTEMPTS);
    if (version !== null) this.metrics.spans('dropped', shotSpans(version, state).length);
  }
}
