import { Controller } from '@nestjs/common';
import { consentDocumentSchema, type RouteInput, type RouteOutput } from '@understudy/contracts';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { Handle } from '../access/handle.decorator.js';
import { Input } from '../access/input.decorator.js';
import { pageOf } from '../platform/paging.js';
import { ConsentRepository, consentView } from './consent.repository.js';
import { ConsentHoldsService } from './consent-holds.service.js';
import { ConsentImportService } from './consent-import.service.js';
import { ConsentLifeService } from './consent-life.service.js';
import { ConsentRevocations } from './consent-revocations.service.js';
import { ConsentReceiptsService } from './consent-receipts.service.js';

@Controller()
export class ConsentsController {
  constructor(
    private readonly consents: ConsentRepository,
    private readonly imports: ConsentImportService,
    private readonly life: ConsentLifeService,
    private readonly revocations: ConsentRevocations,
    private readonly holds: ConsentHoldsService,
    private readonly receipts: ConsentReceiptsService,
  ) {}

  @Handle('consentSchema', { public: true })
  schema(): RouteOutput<'consentSchema'> {
    return consentDocumentSchema();
  }

  @Handle('listConsents', { action: 'read', subject: 'Consent' })
  async list(
    @CurrentActor() actor: Actor,
    @Input() { query }: RouteInput<'listConsents'>,
  ): Promise<RouteOutput<'listConsents'>> {
    return pageOf(await this.consents.list(actor, query), query, consentView);
  }

  @Handle('importConsent', { action: 'create', subject: 'Consent' })
  import(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'importConsent'>,
  ): Promise<RouteOutput<'importConsent'>> {
    return this.imports.import(actor, params.projectId, body);
  }

  @Handle('activateConsent', { action: 'activate', subject: 'Consent' })
  activate(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'activateConsent'>,
  ): Promise<RouteOutput<'activateConsent'>> {
    return this.life.activate(actor, params.consentId, body);
  }

  @Handle('suspendConsent', { action: 'suspend', subject: 'Consent' })
  suspend(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'suspendConsent'>,
  ): Promise<RouteOutput<'suspendConsent'>> {
    return this.life.suspend(actor, params.consentId, body.reason);
  }

  @Handle('revokeConsent', { action: 'revoke', subject: 'Consent' })
  revoke(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'revokeConsent'>,
  ): Promise<RouteOutput<'revokeConsent'>> {
    return this.revocations.revoke(actor, params.consentId, body.reason);
  }

  @Handle('declineConsent', { action: 'decline', subject: 'Consent' })
  decline(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'declineConsent'>,
  ): Promise<RouteOutput<'declineConsent'>> {
    return this.life.decline(actor, params.consentId, body.reason);
  }

  @Handle('holdConsent', { action: 'hold', subject: 'Consent' })
  hold(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'holdConsent'>,
  ): Promise<RouteOutput<'holdConsent'>> {
    return this.holds.place(actor, params.consentId, body);
  }

  @Handle('liftConsentHold', { action: 'lift', subject: 'Consent' })
  lift(
    @CurrentActor() actor: Actor,
    @Input() { params, body }: RouteInput<'liftConsentHold'>,
  ): Promise<RouteOutput<'liftConsentHold'>> {
    return this.holds.lift(actor, params.consentId, body);
  }

  @Handle('getConsentReceipt', { action: 'read', subject: 'Consent' })
  receipt(
    @CurrentActor() actor: Actor,
    @Input() { params }: RouteInput<'getConsentReceipt'>,
  ): Promise<RouteOutput<'getConsentReceipt'>> {
    return this.receipts.issue(actor, params.consentId);
  }
}
