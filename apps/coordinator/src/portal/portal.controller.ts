import { Controller, Res } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import type { Response } from 'express';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle, HandleContent } from '../access/handle.decorator.js';
import { Input, PathParam } from '../access/input.decorator.js';
import { ConsentRevocations } from '../consents/consent-revocations.service.js';
import { ConsentReceiptsService } from '../consents/consent-receipts.service.js';
import { ConsentRepository } from '../consents/consent.repository.js';
import { pageOf } from '../platform/paging.js';
import { keyView, PerformerKeys } from './performer-keys.js';
import { PortalPreviews } from './portal-previews.js';
import { consentView, PortalRepository, shotView } from './portal.repository.js';
import { PortalSigning } from './portal-signing.js';

@Controller()
export class PortalController {
  constructor(
    private readonly portal: PortalRepository,
    private readonly consents: ConsentRepository,
    private readonly revocations: ConsentRevocations,
    private readonly receipts: ConsentReceiptsService,
    private readonly keys: PerformerKeys,
    private readonly signing: PortalSigning,
    private readonly previews: PortalPreviews,
  ) {}

  @Handle('listPortalConsents', { action: 'read', subject: 'Portal' })
  async listConsents(
    @CurrentActor() { performers }: Actor,
    @Input() { query }: RouteInput<'listPortalConsents'>,
  ): Promise<RouteOutput<'listPortalConsents'>> {
    const rows = await this.portal.consents(performers, query);
    const uses = await this.portal.uses(rows.map(({ id }) => id));
    return pageOf(rows, query, (row) => consentView(row, uses.get(row.id) ?? 0));
  }

  @Handle('listPortalShots', { action: 'read', subject: 'Portal' })
  async listShots(
    @CurrentActor() { performers }: Actor,
    @Input() { query }: RouteInput<'listPortalShots'>,
  ): Promise<RouteOutput<'listPortalShots'>> {
    return pageOf(await this.portal.shots(performers, query), query, (row) => shotView(row, performers));
  }

  @Handle('revokePortalConsent', { action: 'revoke', subject: 'Portal' })
  async revoke(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'revokePortalConsent'>,
  ): Promise<RouteOutput<'revokePortalConsent'>> {
    await this.revocations.revokeOwn(actor, params.consentId, body.reason);
    return { ok: true };
  }

  @Handle('getPortalReceipt', { action: 'read', subject: 'Portal' })
  async receipt(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getPortalReceipt'>,
  ): Promise<RouteOutput<'getPortalReceipt'>> {
    const consent = await this.consents.getOwn(actor.performers, params.consentId);
    return this.receipts.issueFor(actor, consent, 'revokePortalConsent');
  }

  @Handle('signPortalConsent', { action: 'sign', subject: 'Portal' })
  async sign(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'signPortalConsent'>,
  ): Promise<RouteOutput<'signPortalConsent'>> {
    await this.signing.sign(actor, params.consentId, body);
    return { ok: true };
  }

  @Handle('listPerformerKeys', { action: 'read', subject: 'Portal' })
  async listKeys(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listPerformerKeys'>,
  ): Promise<RouteOutput<'listPerformerKeys'>> {
    return pageOf(await this.keys.list(actor, query), query, keyView);
  }

  @Handle('addPerformerKey', { action: 'secure', subject: 'Portal' })
  addKey(
    @CurrentActor() actor: Actor,
    @Input() { body }: RouteInput<'addPerformerKey'>,
  ): Promise<RouteOutput<'addPerformerKey'>> {
    return this.keys.add(actor, body);
  }

  @Handle('retirePerformerKey', { action: 'secure', subject: 'Portal' })
  async retireKey(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'retirePerformerKey'>,
  ): Promise<RouteOutput<'retirePerformerKey'>> {
    await this.keys.retire(actor, params.performerKeyId);
    return { ok: true };
  }

  @HandleContent('GET', 'portalPreview', { action: 'view', subject: 'Portal' })
  async preview(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'shotVersionId' }) shotVersionId: string,
    @Res() response: Response,
  ): Promise<void> {
    const png = await this.previews.png(actor, shotVersionId);
    response.set({ 'content-type': 'image/png', 'cache-control': 'no-store' }).send(png);
  }
}
