/** What decides in a consent: everything that its evaluation looks at. */
export interface ConsentRecord {
  readonly id: string;
  readonly performerId: string;
  readonly role: string;
  readonly state: string;
  readonly level: string;
  readonly scope: unknown;
  readonly holds: readonly string[];
  readonly noticeElapsesAt: Date | null;
  readonly noticeWaived: boolean;
}

export function consentRecord(consent: ConsentRecord): readonly unknown[] {
  const { id, performerId, role, state, level, scope, holds, noticeElapsesAt, noticeWaived } = consent;
  const elapsesAt = noticeElapsesAt?.toISOString() ?? null;
  return [id, performerId, role, state, level, scope, holds.toSorted(), elapsesAt, noticeWaived];
}

/** A cast member with the content of what it names: other bytes under the same asset's id do not pass either. */
export interface CastRecord {
  readonly shotVersionId: string;
  readonly cast: number;
  /** How many members the shot version has. */
  readonly members: number;
  readonly plateSha256: string;
  /** Of the matte that its result is shown under; null without one. */
  readonly matteSha256: string | null;
  readonly platePerformerId: string;
  readonly plateConsentId: string;
  readonly plateReferenceAssetIds: readonly string[];
  readonly identityPerformerId: string;
  readonly identityConsentId: string;
  readonly identityAssetIds: readonly string[];
  readonly identitySha256s: readonly string[];
  readonly tracks: readonly number[];
}

export function castRecord(member: CastRecord): readonly unknown[] {
  return [
    member.shotVersionId,
    member.cast,
    member.members,
    member.plateSha256,
    member.platePerformerId,
    member.plateConsentId,
    member.plateReferenceAssetIds,
    member.identityPerformerId,
    member.identityConsentId,
    member.identityAssetIds,
    member.identitySha256s.toSorted(),
    member.tracks,
    // Only where there is one: a record without keeps the seal that it always had.
    ...(member.matteSha256 === null ? [] : [member.matteSha256]),
  ];
}

export interface SegmentRecord {
  readonly taskId: string;
  readonly epoch: number;
  readonly sha256: string;
  readonly frames: number;
}

export function segmentRecord({ taskId, epoch, sha256, frames }: SegmentRecord): readonly unknown[] {
  return [taskId, epoch, sha256, frames];
}

export interface MembershipRecord {
  readonly projectId: string;
  readonly userId: string;
  readonly role: string;
}

export function membershipRecord({ projectId, userId, role }: MembershipRecord): readonly unknown[] {
  return [projectId, userId, role];
}

export interface PerformerAccountRecord {
  readonly performerId: string;
  readonly userId: string;
}

export function performerAccountRecord({ performerId, userId }: PerformerAccountRecord): readonly unknown[] {
  return [performerId, userId];
}

export interface UserRecord {
  readonly id: string;
  readonly farmRoles: readonly string[];
}

export function userRecord({ id, farmRoles }: UserRecord): readonly unknown[] {
  return [id, farmRoles.toSorted()];
}

/** Who asked for what, so that nobody is made to have asked by SQL. */
export interface ErasureRecord {
  readonly id: string;
  readonly projectId: string | null;
  readonly eventIds: readonly string[];
  readonly askedBy: string;
}

export function erasureRecord({ id, projectId, eventIds, askedBy }: ErasureRecord): readonly unknown[] {
  return [id, projectId, eventIds.toSorted(), askedBy];
}

/** Who asked and who approved, so that no key is destroyed by SQL. */
export interface KeyDestructionRecord {
  readonly id: string;
  readonly projectId: string;
  readonly askedBy: string;
  readonly approvedBy: string | null;
}

export function keyDestructionRecord(row: KeyDestructionRecord): readonly unknown[] {
  return [row.id, row.projectId, row.askedBy, row.approvedBy];
}

export interface RestoreAcceptanceRecord {
  readonly id: string;
  readonly anchoredSize: bigint;
  readonly anchoredRoot: string;
  readonly logSize: bigint;
  readonly logRoot: string;
  readonly askedBy: string;
}

export function restoreAcceptanceRecord(row: RestoreAcceptanceRecord): readonly unknown[] {
  const { id, anchoredSize, anchoredRoot, logSize, logRoot, askedBy } = row;
  return [id, String(anchoredSize), anchoredRoot, String(logSize), logRoot, askedBy];
}
