import { Controller } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { LaneActs } from './lane-acts.service.js';

/** Which lanes take work, and for whom. */
@Controller()
export class LaneActsController {
  constructor(private readonly acts: LaneActs) {}

  @Handle('drainLane', { action: 'operate', subject: 'Lane' })
  async drain(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'drainLane'>,
  ): Promise<RouteOutput<'drainLane'>> {
    await this.acts.drain(actor, params.laneId, body);
    return { ok: true };
  }

  @Handle('undrainLane', { action: 'operate', subject: 'Lane' })
  async undrain(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'undrainLane'>,
  ): Promise<RouteOutput<'undrainLane'>> {
    await this.acts.undrain(actor, params.laneId, body.reason);
    return { ok: true };
  }

  @Handle('setLanePools', { action: 'operate', subject: 'Lane' })
  async setPools(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'setLanePools'>,
  ): Promise<RouteOutput<'setLanePools'>> {
    await this.acts.setPools(actor, params.laneId, body.pools);
    return { ok: true };
  }
}
