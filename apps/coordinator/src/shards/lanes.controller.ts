import { Controller, Inject, Res } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { Metrics } from '../metrics/metrics.js';
import { LaneRepository } from './lane.repository.js';
import { parityLine } from './lane.js';
import { Leases } from './leases.js';
import { whenGone } from './request-end.js';

/** What a lane asks for: its place in the farm, work, and orders. */
@Controller()
export class LanesController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly lanes: LaneRepository,
    private readonly leases: Leases,
    private readonly audit: AuditWriter,
    private readonly metrics: Metrics,
  ) {}

  @Handle('reportPreparing', { action: 'register', subject: 'Lane' })
  async preparing(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'reportPreparing'>,
  ): Promise<RouteOutput<'reportPreparing'>> {
    await this.lanes.preparing(this.database, actor.id, body.step);
    return { ok: true };
  }

  @Handle('registerLane', { action: 'register', subject: 'Lane' })
  async register(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'registerLane'>,
  ): Promise<RouteOutput<'registerLane'>> {
    const laneId = await this.database.hotTransaction(async (sql) => {
      const id = await this.lanes.register(sql, actor.id, body);
      await this.audit.append(sql, {
        actor: actor.label,
        action: 'lane.registered',
        subjectType: 'Lane',
        subjectId: id,
        data: { ordinal: body.ordinal, parityClass: parityLine(body.capabilities.parityClass) },
      });
      return id;
    });
    return { laneId };
  }

  @Handle('leaseTask', { action: 'lease', subject: 'Lane' })
  async lease(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'leaseTask'>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'leaseTask'>> {
    const lease = this.leases.lease(actor.id, params.laneId, body.waitSeconds, whenGone(response));
    return { lease: await this.metrics.claim(lease) };
  }

  @Handle('pollOrders', { action: 'lease', subject: 'Lane' })
  async orders(
    @CurrentActor() actor: Actor,
    @Input() { params, query }: RouteInput<'pollOrders'>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RouteOutput<'pollOrders'>> {
    return { orders: await this.leases.orders(actor.id, params.laneId, query.waitSeconds, whenGone(response)) };
  }
}
