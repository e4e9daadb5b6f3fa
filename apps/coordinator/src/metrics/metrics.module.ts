import { Global, Module } from '@nestjs/common';
import { FarmGauges } from './farm-gauges.js';
import { MetricsController } from './metrics.controller.js';
import { Metrics } from './metrics.js';

/** Global: what counts is spread over the features. */
@Global()
@Module({ controllers: [MetricsController], providers: [FarmGauges, Metrics], exports: [Metrics] })
export class MetricsModule {}
