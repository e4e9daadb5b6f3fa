import { z } from 'zod';
import { ConsentReceipt } from '../consent-receipt.js';
import { ActivateConsent, Consent, ConsentDecision, ConsentDocument, HoldConsent } from '../consent.js';
import { Performer } from '../shots.js';
import { list, OfProject, type Route } from './route.js';

/** Performers and their consents. */
export const CONSENT_ROUTES = {
  listPerformers: { method: 'GET', path: '/api/v1/performers', query: OfProject, response: list(Performer) },
  listConsents: { method: 'GET', path: '/api/v1/consents', query: OfProject, response: list(Consent) },
  /** One consent a party; in a `local` project they are active at once, by a waiver that is audited. */
  importConsent: {
    method: 'POST',
    path: '/api/v1/projects/:projectId/consents',
    body: ConsentDocument,
    response: z.object({ consents: z.array(Consent), waivers: z.array(z.string()) }),
  },
  activateConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/activate',
    body: ActivateConsent,
    response: Consent,
  },
  suspendConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/suspend',
    body: ConsentDecision,
    response: Consent,
  },
  revokeConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/revoke',
    body: ConsentDecision,
    response: Consent,
  },
  /** What nobody activated yet is turned down, for good. */
  declineConsent: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/decline',
    body: ConsentDecision,
    response: Consent,
  },
  /** Nothing is evaluated in its favour until every hold is lifted; placing one that is there changes nothing. */
  holdConsent: { method: 'POST', path: '/api/v1/consents/:consentId/hold', body: HoldConsent, response: Consent },
  /** By somebody other than who placed it. */
  liftConsentHold: {
    method: 'POST',
    path: '/api/v1/consents/:consentId/lift-hold',
    body: HoldConsent,
    response: Consent,
  },
  getConsentReceipt: { method: 'GET', path: '/api/v1/consents/:consentId/receipt', response: ConsentReceipt },
  /** The JSON Schema of a consent document; open to everybody, for it says nothing of anybody. */
  consentSchema: {
    method: 'GET',
    path: '/api/v1/schemas/consent.json',
    response: z.record(z.string(), z.unknown()),
  },
} as const satisfies Record<string, Route>;
