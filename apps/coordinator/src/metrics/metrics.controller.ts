import { Controller, Res } from '@nestjs/common';
import type { Response } from 'express';
import { HandleContent } from '../access/handle.decorator.js';
import { FarmGauges } from './farm-gauges.js';
import { Metrics } from './metrics.js';

@Controller()
export class MetricsController {
  constructor(
    private readonly gauges: FarmGauges,
    private readonly metrics: Metrics,
  ) {}

  @HandleContent('GET', 'metrics', { action: 'read', subject: 'Metrics' })
  async show(@Res() response: Response): Promise<void> {
    const text = await this.gauges.text();
    response
      .status(200)
      .set({ 'content-type': this.metrics.registry.contentType, 'cache-control': 'no-store' })
      .send(text);
  }
}
