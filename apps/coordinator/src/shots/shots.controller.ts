import { Controller, Headers, Req, Res } from '@nestjs/common';
import { type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Request, Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle, HandleContent } from '../access/handle.decorator.js';
import { Input, PathParam } from '../access/input.decorator.js';
import { readTraceparent } from '../traces/trace-context.js';
import { Reports } from './reports.js';
import { Resubmissions } from './resubmissions.js';
import { ShotActs } from './shot-acts.js';
import { ShotRepository } from './shot.repository.js';
import { ShotStream } from './shot-stream.js';
import { Submissions } from './submissions.js';

@Controller()
export class ShotsController {
  constructor(
    private readonly shots: ShotRepository,
    private readonly submissions: Submissions,
    private readonly resubmissions: Resubmissions,
    private readonly acts: ShotActs,
    private readonly reports: Reports,
    private readonly stream: ShotStream,
  ) {}

  @Handle('submitShot', { action: 'create', subject: 'Shot' })
  async submit(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'submitShot'>,
    @Headers('traceparent') traceparent: string | undefined,
  ): Promise<RouteOutput<'submitShot'>> {
    const shotId = await this.submissions.submit(actor, body, readTraceparent(traceparent));
    return this.shots.show(await this.shots.find(actor, 'read', shotId));
  }

  @Handle('resubmitShot', { action: 'create', subject: 'Shot' })
  async resubmit(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'resubmitShot'>,
  ): Promise<RouteOutput<'resubmitShot'>> {
    const head = await this.shots.find(actor, 'create', params.shotId);
    const made = await this.resubmissions.resubmit(actor, head, body);
    return { shot: await this.shots.show(head), ...made };
  }

  @Handle('listShots', { action: 'read', subject: 'Shot' })
  list(@CurrentActor() actor: Actor, @Input() { query }: RouteInput<'listShots'>): Promise<RouteOutput<'listShots'>> {
    return this.shots.list(actor, query);
  }

  @Handle('getShot', { action: 'read', subject: 'Shot' })
  async get(@CurrentActor() actor: Actor, @Input() { params }: RouteInput<'getShot'>): Promise<RouteOutput<'getShot'>> {
    return this.shots.show(await this.shots.find(actor, 'read', params.shotId));
  }

  @Handle('listShotTasks', { action: 'read', subject: 'Shot' })
  async tasks(
    @CurrentActor() actor: Actor,
    @Input() { params, query }: RouteInput<'listShotTasks'>,
  ): Promise<RouteOutput<'listShotTasks'>> {
    const { id } = await this.shots.find(actor, 'read', params.shotId);
    return this.shots.tasks(id, query);
  }

  @Handle('listShotEvents', { action: 'read', subject: 'Shot' })
  async events(
    @CurrentActor() actor: Actor,
    @Input() { params, query }: RouteInput<'listShotEvents'>,
  ): Promise<RouteOutput<'listShotEvents'>> {
    return this.shots.events(actor, await this.shots.find(actor, 'read', params.shotId), query);
  }

  @Handle('cancelShot', { action: 'cancel', subject: 'Shot' })
  async cancel(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'cancelShot'>,
  ): Promise<RouteOutput<'cancelShot'>> {
    const head = await this.shots.find(actor, 'cancel', params.shotId);
    await this.acts.cancel(actor, head.id, body.reason);
    return this.shots.show(head);
  }

  @Handle('resumeShot', { action: 'resume', subject: 'Shot' })
  async resume(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'resumeShot'>,
  ): Promise<RouteOutput<'resumeShot'>> {
    const head = await this.shots.find(actor, 'resume', params.shotId);
    await this.acts.resume(actor, head.id, body.reason);
    return this.shots.show(head);
  }

  @Handle('getShotReport', { action: 'view', subject: 'Shot' })
  async report(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getShotReport'>,
  ): Promise<RouteOutput<'getShotReport'>> {
    return this.reports.of(await this.shots.find(actor, 'view', params.shotId));
  }

  @HandleContent('GET', 'shotStream', { action: 'read', subject: 'Shot' })
  async watch(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'shotId' }) shotId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const head = await this.shots.find(actor, 'read', shotId);
    await this.stream.send(head, request, response);
  }
}
