import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { Metrics } from '../metrics/metrics.js';
import { noSuchAttempt } from '../shards/attempt-ends.js';
import { ShotRepository } from '../shots/shot.repository.js';
import { AttemptLogRepository } from './attempt-log.repository.js';

/** What lanes write down about their attempts, brought by workers and read by whoever runs the work. */
@Controller()
export class AttemptLogsController {
  constructor(
    private readonly logs: AttemptLogRepository,
    private readonly shots: ShotRepository,
    private readonly metrics: Metrics,
  ) {}

  @Handle('appendAttemptLog', { action: 'report', subject: 'Attempt' })
  async append(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'appendAttemptLog'>,
  ): Promise<RouteOutput<'appendAttemptLog'>> {
    await this.metrics.report('log', this.#append(actor, params.attemptId, body));
    return { ok: true };
  }

  @Handle('listShotLogs', { action: 'inspect', subject: 'Shot' })
  async list(
    @CurrentActor() actor: Actor,
    @Input() { params, query }: RouteInput<'listShotLogs'>,
  ): Promise<RouteOutput<'listShotLogs'>> {
    const { id } = await this.shots.find(actor, 'inspect', params.shotId);
    return await this.logs.list(id, query);
  }

  async #append(actor: Actor, attemptId: string, part: RouteInput<'appendAttemptLog'>['body']): Promise<void> {
    if (!(await this.logs.append(actor.id, attemptId, part))) throw noSuchAttempt();
  }
}
