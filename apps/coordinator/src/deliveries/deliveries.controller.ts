import { Controller, Inject, Req, Res } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import type { ObjectStore } from '@understudy/storage';
import type { Database } from '@understudy/db';
import type { Request, Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle, HandleContent } from '../access/handle.decorator.js';
import { Input, PathParam } from '../access/input.decorator.js';
import { AnchorHold } from '../audit/anchor-hold.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { sendObject } from '../content/send-object.js';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { ProjectKeys } from '../sealing/project-keys.js';
import { DeliveryRepository } from './delivery.repository.js';
import { Releases } from './releases.js';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
  png: 'image/png',
  jpg: 'image/jpeg',
};

@Controller()
export class DeliveriesController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly deliveries: DeliveryRepository,
    private readonly releases: Releases,
    private readonly keys: ProjectKeys,
    private readonly audit: AuditWriter,
    private readonly anchorHold: AnchorHold,
  ) {}

  @Handle('getDelivery', { action: 'read', subject: 'Delivery' })
  async get(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getDelivery'>,
  ): Promise<RouteOutput<'getDelivery'>> {
    const { id } = await this.deliveries.find(actor, 'read', params.deliveryId);
    return this.deliveries.show(id);
  }

  @Handle('releaseDelivery', { action: 'release', subject: 'Delivery' })
  async release(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'releaseDelivery'>,
  ): Promise<RouteOutput<'releaseDelivery'>> {
    const delivery = await this.deliveries.find(actor, 'release', params.deliveryId);
    await this.releases.release(actor, delivery, body.reason);
    return this.deliveries.show(delivery.id);
  }

  /** Whether what is being handed out still may be. @throws UnderstudyError PROJECT_KEY_DESTROYED, LOG_BEHIND_ANCHOR */
  async #isReleased(deliveryId: string, projectId: string): Promise<boolean> {
    this.keys.requireThere(projectId);
    this.anchorHold.refuse('Nothing is handed out');
    const row = await this.deliveries.row(this.database, deliveryId);
    return row?.state === 'released';
  }

  /** Each download is audited before its first byte. */
  @HandleContent('GET', 'deliveryContent', { action: 'download', subject: 'Delivery' })
  async download(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'deliveryId' }) deliveryId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const delivery = await this.deliveries.find(actor, 'download', deliveryId);
    const { id, state, sha256, projectId, shotId, version, container } = delivery;
    this.keys.requireThere(projectId);
    this.anchorHold.refuse('Nothing is handed out');
    if (state !== 'released') {
      throw new UnderstudyError('OUTPUT_LOCKED', `The delivery is ${state}; only a released one is handed out.`, {
        details: { state },
      });
    }
    await this.audit.append(this.database, {
      actor: actor.label,
      action: 'delivery.downloaded',
      subjectType: 'Delivery',
      subjectId: id,
      projectId,
      shotId,
      data: { sha256, range: request.headers.range ?? null },
    });
    const mediaType = MEDIA_TYPES[container] ?? 'application/octet-stream';
    await sendObject(this.objects.of(projectId), sha256, request, response, {
      mediaType,
      fileName: `${shotId}-v${version}.${container}`,
      mayGoOn: async () => await this.#isReleased(id, projectId),
    });
  }
}
