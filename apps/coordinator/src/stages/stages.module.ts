import { Global, Module } from '@nestjs/common';
import { openQueueConnection, StageQueue } from '@understudy/queue';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { type Clock, CLOCK, CONFIG, LOGGER } from '../platform/tokens.js';
import { AnalysisPurge } from './analysis-purge.js';
import { AnalysisRepository } from './analysis.repository.js';
import { AssembleStage } from './assemble-stage.js';
import { AssemblyRepository } from './assembly.repository.js';
import { IngestStage } from './ingest-stage.js';
import { LinkStage } from './link-stage.js';
import { Linker } from './link/linker.js';
import { OutboxRelay } from './outbox-relay.js';
import { Outbox } from './outbox.js';
import { CastBinder } from './plan/cast-binder.js';
import { PlanStage } from './plan/plan-stage.js';
import { PlanRepository } from './plan/plan.repository.js';
import { Reconciler } from './reconciler.js';
import { ShardEvents } from './shard-events.js';
import { ShotFailures } from './shot-failures.js';
import { asStageHandlers, type StageHandler } from './stage-handler.js';
import { StageLoops } from './stage-loops.js';
import { StageRunner } from './stage-runner.js';
import { StageShotRepository } from './stage-shot.repository.js';
import { STAGE_HANDLERS, STAGE_QUEUE } from './stage-tokens.js';
import { StageTransitions } from './stage-transitions.js';
import { TemplateStage } from './template-stage.js';
import { SpanExporter } from '../traces/span-exporter.js';
import { TraceIntents } from '../traces/trace-intents.js';
import { TraceStage } from '../traces/trace-stage.js';
import { TraceRepository } from '../traces/trace.repository.js';
import { NotifyStage } from '../webhooks/notify-stage.js';
import { WebhookEvents } from '../webhooks/webhook-events.js';
import { WebhookSender } from '../webhooks/webhook-sender.js';
import { WebhookRepository } from '../webhooks/webhook.repository.js';
import { OutputChecks } from '../output-gate/output-checks.js';
import { OutputGateRepository } from '../output-gate/output-gate.repository.js';
import { OutputGate } from '../output-gate/output-gate.js';
import { VerifyStage } from './verify-stage.js';

const HANDLERS = [
  TemplateStage,
  IngestStage,
  LinkStage,
  PlanStage,
  AssembleStage,
  VerifyStage,
  NotifyStage,
  TraceStage,
];

/** The stages of a shot: what may happen next, what carries it, who does it, and what makes up for what was lost. */
@Global()
@Module({
  providers: [
    {
      provide: STAGE_QUEUE,
      inject: [CONFIG, LOGGER, CLOCK],
      useFactory: (config: Config, logger: Logger, clock: Clock) =>
        new StageQueue(openQueueConnection(config.QUEUE_URL ?? config.DATABASE_URL), {
          // A process is given as long to show that it lives as a lane is.
          lockMs: config.LEASE_SECONDS * 1000,
          nowMs: () => clock.now().getTime(),
          onError: (error) => logger.warn({ err: error.message }, 'stage queue'),
        }),
    },
    ...HANDLERS,
    {
      provide: STAGE_HANDLERS,
      inject: HANDLERS,
      useFactory: (...handlers: StageHandler[]) => asStageHandlers(handlers),
    },
    AnalysisPurge,
    AnalysisRepository,
    AssemblyRepository,
    CastBinder,
    Linker,
    Outbox,
    OutputChecks,
    OutputGate,
    OutputGateRepository,
    OutboxRelay,
    PlanRepository,
    Reconciler,
    ShardEvents,
    ShotFailures,
    StageLoops,
    StageRunner,
    StageShotRepository,
    StageTransitions,
    SpanExporter,
    TraceIntents,
    TraceRepository,
    WebhookEvents,
    WebhookRepository,
    WebhookSender,
  ],
  exports: [
    AssemblyRepository,
    CastBinder,
    Outbox,
    ShardEvents,
    ShotFailures,
    StageShotRepository,
    StageTransitions,
    WebhookEvents,
    WebhookRepository,
  ],
})
export class StagesModule {}
