import {
  CONSENT_LEVELS,
  type ConsentHold,
  type ConsentLevel,
  type ConsentPoint,
  type ConsentReason,
  type ConsentRole,
  type ConsentScope,
  type ConsentState,
  type ErrorCode,
  type Operation,
} from '@understudy/contracts';

/** A consent as the decision sees it. `validFrom` and `validUntil` of the scope bound it in time, half-open. */
export interface ConsentFacts {
  readonly id: string;
  readonly performerId: string;
  readonly role: ConsentRole;
  readonly state: ConsentState;
  readonly level: ConsentLevel;
  readonly scope: ConsentScope;
  /** Kinds of the holds that are open. */
  readonly holds: readonly ConsentHold[];
  /** When the performer's notice has run; null where there is none to wait for. */
  readonly noticeElapsesAt: Date | null;
  /** Somebody other than who asked for the consent waived the notice, with a reason. */
  readonly noticeWaived: boolean;
  /** Its record was changed past the service: nothing that it says counts. */
  readonly altered: boolean;
}

/** What is about to be done with one performer's face. */
export interface ConsentRequest {
  readonly performerId: string;
  readonly role: ConsentRole;
  readonly project: { readonly name: string; readonly leastLevel: ConsentLevel };
  readonly shotName: string;
  readonly operations: readonly Operation[];
  readonly plateSha256: string;
  /** Hashes of the identity images used; empty for the plate side. */
  readonly identitySha256s: readonly string[];
  /** Frames of the delivery; null while the plate is not probed yet. */
  readonly frames: number | null;
}

/**
 * Decides whether one consent covers one use of a face. Pure: the same arguments give the same answer at submit, lease,
 * heartbeat, complete, assemble and release.
 *
 * @param consent the pinned consent, or null where there is none.
 * @returns every reason against it, in the order of `CONSENT_REASONS`; empty when it is covered.
 */
export function evaluateConsent(consent: ConsentFacts | null, request: ConsentRequest, now: Date): ConsentReason[] {
  if (consent === null) return ['CONSENT_REQUIRED'];
  const { scope } = consent;
  const checks: [ConsentReason, boolean][] = [
    ['RECORD_ALTERED', consent.altered],
    ['CONSENT_NOT_ACTIVE', !['active', 'suspended', 'revoked', 'expired'].includes(consent.state)],
    ['CONSENT_NOT_YET_VALID', now.getTime() < Date.parse(scope.validFrom)],
    ['CONSENT_EXPIRED', consent.state === 'expired' || now.getTime() >= Date.parse(scope.validUntil)],
    ['CONSENT_REVOKED', consent.state === 'revoked'],
    ['CONSENT_SUSPENDED', consent.state === 'suspended'],
    ['CONSENT_ON_HOLD', consent.holds.length > 0],
    ['NOTICE_NOT_ELAPSED', !consent.noticeWaived && (consent.noticeElapsesAt?.getTime() ?? -Infinity) > now.getTime()],
    ['CONSENT_LEVEL_TOO_LOW', rank(consent.level) < rank(request.project.leastLevel)],
    ['WRONG_PERFORMER', consent.performerId !== request.performerId],
    ['WRONG_ROLE', consent.role !== request.role],
    ['PROJECT_OUT_OF_SCOPE', scope.project !== request.project.name],
    ['SHOT_OUT_OF_SCOPE', scope.shots !== undefined && !scope.shots.includes(request.shotName)],
    ['OPERATION_OUT_OF_SCOPE', request.operations.some((operation) => !scope.operations.includes(operation))],
    ['PLATE_OUT_OF_SCOPE', scope.plates !== undefined && !scope.plates.includes(request.plateSha256)],
    [
      'IDENTITY_ASSET_OUT_OF_SCOPE',
      request.role === 'identity' &&
        scope.identityAssets !== undefined &&
        request.identitySha256s.some((sha256) => !scope.identityAssets?.includes(sha256)),
    ],
    [
      'FRAME_CAP_EXCEEDED',
      scope.maxFrames !== undefined && request.frames !== null && request.frames > scope.maxFrames,
    ],
  ];
  return checks.filter(([, against]) => against).map(([reason]) => reason);
}

function rank(level: ConsentLevel): number {
  return CONSENT_LEVELS.indexOf(level);
}

/** One cast member's two sides, each with the consent that was pinned to it. */
export interface CastConsents {
  readonly cast: number;
  /** The record of who becomes whom was changed past the service. */
  readonly altered: boolean;
  readonly identity: { readonly performerId: string; readonly consentId: string; readonly sha256s: readonly string[] };
  readonly plate: { readonly performerId: string; readonly consentId: string };
}

export interface ShotConsentRequest {
  readonly now: Date;
  /** Recorded with the decision; the rules are the same at every point. */
  readonly point: ConsentPoint;
  readonly project: ConsentRequest['project'];
  readonly shotName: string;
  readonly operations: readonly Operation[];
  readonly plateSha256: string;
  readonly frames: number | null;
  readonly cast: readonly CastConsents[];
  readonly consents: readonly ConsentFacts[];
}

export interface ConsentRefusal {
  readonly cast: number;
  readonly role: ConsentRole;
  readonly performerId: string;
  readonly consentId: string;
  readonly reasons: readonly ConsentReason[];
}

export interface ConsentVerdict {
  readonly allowed: boolean;
  readonly refusals: readonly ConsentRefusal[];
}

/** Evaluates both sides of every cast member of a shot. A shot without cast (de-identification only) needs no consent. */
export function evaluateConsents(request: ShotConsentRequest): ConsentVerdict {
  const byId = new Map(request.consents.map((consent) => [consent.id, consent]));
  const refusals: ConsentRefusal[] = [];
  for (const member of request.cast) {
    const sides = [
      { role: 'identity' as const, ...member.identity },
      { role: 'plate' as const, ...member.plate, sha256s: [] as readonly string[] },
    ];
    for (const { role, performerId, consentId, sha256s } of sides) {
      const { project, shotName, operations, plateSha256, frames } = request;
      const reasons = evaluateConsent(
        byId.get(consentId) ?? null,
        { performerId, role, project, shotName, operations, plateSha256, identitySha256s: sha256s, frames },
        request.now,
      );
      if (member.altered && !reasons.includes('RECORD_ALTERED')) reasons.unshift('RECORD_ALTERED');
      if (reasons.length > 0) refusals.push({ cast: member.cast, role, performerId, consentId, reasons });
    }
  }
  return { allowed: refusals.length === 0, refusals };
}

const CODE_OF_REASON: Readonly<Record<ConsentReason, ErrorCode>> = {
  RECORD_ALTERED: 'RECORD_ALTERED',
  CONSENT_REQUIRED: 'CONSENT_REQUIRED',
  CONSENT_NOT_ACTIVE: 'CONSENT_NOT_ACTIVE',
  CONSENT_NOT_YET_VALID: 'CONSENT_NOT_YET_VALID',
  CONSENT_EXPIRED: 'CONSENT_EXPIRED',
  CONSENT_REVOKED: 'CONSENT_REVOKED',
  CONSENT_SUSPENDED: 'CONSENT_SUSPENDED',
  CONSENT_ON_HOLD: 'CONSENT_SUSPENDED',
  NOTICE_NOT_ELAPSED: 'CONSENT_NOT_YET_VALID',
  CONSENT_LEVEL_TOO_LOW: 'CONSENT_LEVEL_TOO_LOW',
  WRONG_PERFORMER: 'CONSENT_REQUIRED',
  WRONG_ROLE: 'CONSENT_REQUIRED',
  PROJECT_OUT_OF_SCOPE: 'CONSENT_OUT_OF_SCOPE',
  SHOT_OUT_OF_SCOPE: 'CONSENT_OUT_OF_SCOPE',
  OPERATION_OUT_OF_SCOPE: 'CONSENT_OUT_OF_SCOPE',
  PLATE_OUT_OF_SCOPE: 'CONSENT_OUT_OF_SCOPE',
  IDENTITY_ASSET_OUT_OF_SCOPE: 'CONSENT_OUT_OF_SCOPE',
  FRAME_CAP_EXCEEDED: 'CONSENT_OUT_OF_SCOPE',
};

/** The error code that a refusal's reason is reported under. */
export function consentErrorCode(reason: ConsentReason): ErrorCode {
  return CODE_OF_REASON[reason];
}
