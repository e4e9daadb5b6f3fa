import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { Metrics } from '../metrics/metrics.js';
import { AttemptEnds } from './attempt-ends.js';
import { Completions } from './completions.js';
import { Heartbeats } from './heartbeats.js';

/** What a lane reports about the task it holds. Every report bears the epoch of its lease. */
@Controller()
export class AttemptsController {
  constructor(
    private readonly heartbeats: Heartbeats,
    private readonly completions: Completions,
    private readonly ends: AttemptEnds,
    private readonly metrics: Metrics,
  ) {}

  @Handle('heartbeatAttempt', { action: 'report', subject: 'Attempt' })
  async heartbeat(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'heartbeatAttempt'>,
  ): Promise<RouteOutput<'heartbeatAttempt'>> {
    const { order, expiresAt } = await this.metrics.report(
      'heartbeat',
      this.heartbeats.beat(actor.id, params.attemptId, body),
    );
    return { order, expiresAt: expiresAt.toISOString() };
  }

  @Handle('completeAttempt', { action: 'report', subject: 'Attempt' })
  async complete(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'completeAttempt'>,
  ): Promise<RouteOutput<'completeAttempt'>> {
    await this.metrics.report('complete', this.completions.complete(actor.id, params.attemptId, body));
    return { ok: true };
  }

  @Handle('failAttempt', { action: 'report', subject: 'Attempt' })
  async fail(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'failAttempt'>,
  ): Promise<RouteOutput<'failAttempt'>> {
    await this.metrics.report('fail', this.ends.fail(actor.id, params.attemptId, body.epoch, body));
    return { ok: true };
  }

  @Handle('releaseAttempt', { action: 'report', subject: 'Attempt' })
  async release(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'releaseAttempt'>,
  ): Promise<RouteOutput<'releaseAttempt'>> {
    await this.metrics.report('release', this.ends.release(actor.id, params.attemptId, body.epoch, body.reason));
    return { ok: true };
  }
}
