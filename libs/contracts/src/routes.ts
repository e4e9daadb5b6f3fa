import { PORTAL_ROUTES } from './portal.js';
import { ACCOUNT_ROUTES } from './routes/account-routes.js';
import { AUDIT_ROUTES } from './routes/audit-routes.js';
import { CONSENT_ROUTES } from './routes/consent-routes.js';
import { FARM_ROUTES } from './routes/farm-routes.js';
import { LANE_ROUTES } from './routes/lane-routes.js';
import { PEOPLE_ROUTES } from './routes/people-routes.js';
import { PROJECT_ROUTES } from './routes/project-routes.js';
import { SHOT_ROUTES } from './routes/shot-routes.js';

export type { Route } from './routes/route.js';

/** The whole JSON API. The coordinator serves it, `libs/client` calls it, both by this table. */
export const ROUTES = {
  ...ACCOUNT_ROUTES,
  ...PEOPLE_ROUTES,
  ...PROJECT_ROUTES,
  ...CONSENT_ROUTES,
  ...PORTAL_ROUTES,
  ...SHOT_ROUTES,
  ...FARM_ROUTES,
  ...AUDIT_ROUTES,
  ...LANE_ROUTES,
} as const;

export type RouteName = keyof typeof ROUTES;

/**
 * Binary routes. Uploads are resumable: `HEAD` answers `Upload-Offset`, `PUT ?offset=N` appends at exactly that offset
 * (409 CONFLICT otherwise) and answers the new `Upload-Offset`. Downloads support one byte range.
 */
export const CONTENT_ROUTES = {
  assetContent: '/api/v1/assets/:assetId/content',
  /** GET; server-sent events: `shot` with the shot whenever it changed, as `getShot` answers it. */
  shotStream: '/api/v1/shots/:shotId/stream',
  /** GET; PNG. `side` is `before` or `after`; query `frame`. */
  shotStill: '/api/v1/shots/:shotId/stills/:side',
  /** GET; PNG. What a performer sees of themselves in a delivery: their own face, marked. */
  portalPreview: '/api/v1/portal/shots/:shotVersionId/preview',
  deliveryContent: '/api/v1/deliveries/:deliveryId/content',
  /** GET by a lane; bears its own short-lived signature, names one object. */
  leasedObject: '/api/v1/objects/:sha256',
  attemptResult: '/api/v1/attempts/:attemptId/result',
  /** GET; NDJSON, the whole log as `libs/tlog` reads it: events that are the reader's to see, of the others their hashes. */
  auditExport: '/api/v1/audit/export',
  openApi: '/api/v1/openapi.json',
  /** GET; the text that Prometheus reads. */
  metrics: '/metrics',
} as const;
