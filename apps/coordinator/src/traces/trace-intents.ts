import { Injectable } from '@nestjs/common';
import { SETTLED_SHOT_STATES, type ShotState } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { Outbox } from '../stages/outbox.js';
import { SpanExporter } from './span-exporter.js';

/** Has a version's spans sent when it settles, if anybody wants them: written in the transaction that settles it. */
@Injectable()
export class TraceIntents {
  constructor(
    private readonly exporter: SpanExporter,
    private readonly outbox: Outbox,
  ) {}

  async tell(sql: Sql, shotVersionId: string, state: ShotState): Promise<void> {
    if (!this.exporter.isOn || !SETTLED_SHOT_STATES.includes(state)) return;
    await this.outbox.enqueue(sql, 'trace', `${shotVersionId}/${state}`, { shotVersionId, state });
  }
}
