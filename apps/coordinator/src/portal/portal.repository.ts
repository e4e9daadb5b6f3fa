import { Inject, Injectable } from '@nestjs/common';
import {
  type ConsentDocument,
  ConsentScope,
  type ConsentToSign,
  type PortalConsent,
  type PortalShot,
} from '@understudy/contracts';
import type { Database, Prisma } from '@understudy/db';
import { notFound } from '../access/require-on.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

const OF_CONSENT = { performer: { select: { name: true } }, signature: { select: { signedAt: true } } } as const;
type ConsentRow = Prisma.ConsentGetPayload<{ include: typeof OF_CONSENT }>;
const OF_SHOT = { cast: true, delivery: true } as const;
type ShotRow = Prisma.ShotVersionGetPayload<{ include: typeof OF_SHOT }>;

/** What a performer is asked to sign; made of the row alone, so that both sides make the same. */
export function consentToSign(row: Omit<ConsentRow, 'signature'>): ConsentToSign {
  const { id, version, role, documentSha256, performer, scope, document } = row;
  const { statement } = document as Partial<ConsentDocument>;
  const party = statement?.parties.find((one) => one.role === role);
  return {
    format: 'understudy-consent-signature/1',
    consentId: id,
    version,
    documentSha256,
    role,
    performer: performer.name,
    scope: ConsentScope.parse(scope),
    notice: party?.notice?.document ?? null,
  };
}

/** States of a shot version in which its delivery may be looked at. */
const SHOWN = new Set(['ready', 'released']);
export const isShown = ({ state, delivery }: Pick<ShotRow, 'state' | 'delivery'>): boolean =>
  SHOWN.has(state) && delivery !== null && (delivery.state === 'ready' || delivery.state === 'released');

/** Rows of one performer's, each query bound to the ids of the performers that the asker is. */
@Injectable()
export class PortalRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  consents(performerIds: readonly string[], page: PageQuery): Promise<ConsentRow[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = { performerId: { in: [...performerIds] } };
    return this.database.prisma.consent.findMany({ where: { AND: [mine, where] }, include: OF_CONSENT, ...rest });
  }

  /** How many versions of shots were made under each of these consents. */
  async uses(consentIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.database.query<{ id: string; uses: number }>(
      `SELECT c.id, count(DISTINCT m.shot_version_id)::int AS uses FROM consents c
         JOIN cast_members m ON c.id IN (m.identity_consent_id, m.plate_consent_id)
        WHERE c.id = ANY ($1::uuid[]) GROUP BY c.id`,
      [consentIds],
    );
    return new Map(rows.map(({ id, uses }) => [id, uses]));
  }

  shots(performerIds: readonly string[], page: PageQuery): Promise<ShotRow[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = { cast: { some: ownSide(performerIds) } };
    return this.database.prisma.shotVersion.findMany({ where: { AND: [mine, where] }, include: OF_SHOT, ...rest });
  }

  /** @throws UnderstudyError NOT_FOUND for a version that none of the performers is in */
  async shot(performerIds: readonly string[], shotVersionId: string) {
    const row = await this.database.prisma.shotVersion.findFirst({
      where: { id: shotVersionId, cast: { some: ownSide(performerIds) } },
      include: { ...OF_SHOT, shot: { select: { projectId: true } }, analysis: { select: { sha256: true } } },
    });
    if (row === null) throw notFound('shot version');
    return row;
  }
}

const ownSide = (performerIds: readonly string[]) => ({
  OR: [{ identityPerformerId: { in: [...performerIds] } }, { platePerformerId: { in: [...performerIds] } }],
});

export function consentView(row: ConsentRow, uses: number): PortalConsent {
  const { id, version, performer, role, state, level, stateReason, holds, documentSha256 } = row;
  return {
    ...{ id, version, performer: performer.name, role, state, level, stateReason, holds, documentSha256, uses },
    scope: ConsentScope.parse(row.scope),
    noticeElapsesAt: row.noticeElapsesAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
    toSign: state === 'pending_signature' ? consentToSign(row) : null,
    signedAt: row.signature?.signedAt.toISOString() ?? null,
  };
}

/** By id, with one's own consents alone: who else is in the cast, and what the shot is called, is theirs. */
export function shotView(row: ShotRow, performerIds: readonly string[]): PortalShot {
  const own = row.cast.flatMap((member) => [
    ...(performerIds.includes(member.identityPerformerId)
      ? [{ id: member.identityConsentId, role: 'identity' as const }]
      : []),
    ...(performerIds.includes(member.platePerformerId) ? [{ id: member.plateConsentId, role: 'plate' as const }] : []),
  ]);
  const byId = new Map(own.map((consent) => [consent.id, consent]));
  return {
    shotVersionId: row.id,
    state: row.state,
    frames: row.frames,
    createdAt: row.createdAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
    releasedAt: row.delivery?.releasedAt?.toISOString() ?? null,
    consents: [...byId.values()],
    preview: isShown(row),
  };
}
