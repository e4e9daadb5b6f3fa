import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { WorkerSessions } from './worker-session.service.js';

/** What a worker's own token is for, and all that it is for where its key counts. */
@Controller()
export class WorkerSessionController {
  constructor(private readonly sessions: WorkerSessions) {}

  @Handle('challengeWorker', { action: 'join', subject: 'Worker' })
  challenge(@CurrentActor() actor: Actor): Promise<RouteOutput<'challengeWorker'>> {
    return this.sessions.challenge(actor);
  }

  @Handle('openWorkerSession', { action: 'join', subject: 'Worker' })
  open(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'openWorkerSession'>,
  ): Promise<RouteOutput<'openWorkerSession'>> {
    return this.sessions.open(actor, body);
  }
}
