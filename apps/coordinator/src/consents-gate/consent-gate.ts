import { Injectable } from '@nestjs/common';
import {
  castOperations,
  type ConsentPoint,
  type ConsentScope,
  ShotSettings,
  UnderstudyError,
} from '@understudy/contracts';
import { castRecord, consentRecord, RecordSeals, type Sql } from '@understudy/db';
import {
  type CastConsents,
  type ConsentFacts,
  type ConsentRefusal,
  type ConsentVerdict,
  evaluateConsents,
} from '@understudy/policy';

interface ShotRow {
  id: string;
  shotName: string;
  project: { name: string; leastLevel: 'L0' | 'L1' | 'L2' };
  plateSha256: string;
  matteSha256: string | null;
  frames: number | null;
  settings: unknown;
  cast: StoredMember[];
}

/** A member as its row says, with what else its seal is made of. */
type StoredMember = Omit<CastConsents, 'altered'> & {
  plateReferenceAssetIds: string[];
  identityAssetIds: string[];
  tracks: number[];
  seal: string | null;
};
type ConsentRow = Omit<ConsentFacts, 'scope' | 'altered'> & {
  scope: ConsentScope;
  seal: string | null;
  /** The newest event that says where it stands; null where the log has none. */
  lastWord: string | null;
};

const SHOT = `
  SELECT v.id, s.name AS "shotName", jsonb_build_object('name', p.name, 'leastLevel', p.least_level) AS project,
         a.sha256 AS "plateSha256", x.sha256 AS "matteSha256", v.frames, v.settings,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object(
             'cast', m."cast",
             'identity', jsonb_build_object('performerId', m.identity_performer_id, 'consentId', m.identity_consent_id,
               'sha256s', coalesce((SELECT jsonb_agg(i.sha256) FROM assets i WHERE i.id = ANY (m.identity_asset_ids)), '[]')),
             'plate', jsonb_build_object('performerId', m.plate_performer_id, 'consentId', m.plate_consent_id),
             'plateReferenceAssetIds', m.plate_reference_asset_ids, 'identityAssetIds', m.identity_asset_ids,
             'tracks', m.tracks, 'seal', encode(m.seal, 'hex'))
             ORDER BY m."cast")
           FROM cast_members m WHERE m.shot_version_id = v.id), '[]') AS "cast"
  FROM shot_versions v
  JOIN shots s ON s.id = v.shot_id
  JOIN projects p ON p.id = s.project_id
  JOIN assets a ON a.id = v.plate_asset_id
  LEFT JOIN assets x ON x.id = (v.settings->>'matteAssetId')::uuid
  WHERE v.id = ANY ($1::uuid[])
  ORDER BY v.id`;

/** In the order of ids, so that two who lock several never wait for each other in a ring. */
const CONSENTS = `
  SELECT id, performer_id AS "performerId", role::text AS role, state::text AS state, level::text AS level, scope, holds::text[] AS holds,
         notice_elapses_at AS "noticeElapsesAt", notice_waived_by IS NOT NULL AS "noticeWaived",
         encode(seal, 'hex') AS seal,
         (SELECT e.action FROM audit_events e WHERE e.subject_type = 'Consent' AND e.subject_id = consents.id::text
             AND e.action = ANY ('{consent.activated,consent.suspended,consent.revoked,consent.declined,consent.expired,consent.lapsed}')
           ORDER BY e.sequence DESC LIMIT 1) AS "lastWord"
  FROM consents WHERE id = ANY ($1::uuid[]) ORDER BY id`;

const NOBODY = '00000000-0000-0000-0000-000000000000';
const CAST_IS_GONE: ConsentRefusal = {
  cast: 0,
  role: 'identity',
  performerId: NOBODY,
  consentId: NOBODY,
  reasons: ['RECORD_ALTERED'],
};

export interface GateVerdict extends ConsentVerdict {
  /** Every consent that was asked, once each. */
  readonly consentIds: readonly string[];
}

export interface GateOptions {
  /**
   * Holds the shot version and then its consents as they are until the transaction ends: a revocation waits for it, or
   * it for a revocation. Everybody locks in this order, versions, consents, tasks; so ask before anything else is held.
   */
  readonly lock: boolean;
}

/**
 * Evaluates every consent of a shot version against what the database says now, as far as it bears this service's seal. Used
 * at all six points.
 */
@Injectable()
export class ConsentGate {
  constructor(private readonly seals: RecordSeals) {}

  /** @throws UnderstudyError NOT_FOUND */
  async check(sql: Sql, shotVersionId: string, point: ConsentPoint, options: GateOptions): Promise<GateVerdict> {
    return only(await this.checkAll(sql, [shotVersionId], point, options), shotVersionId);
  }

  /**
   * The same for several shot versions at once; held, they are held in the order of their ids.
   *
   * @throws UnderstudyError NOT_FOUND when one of them is not there
   */
  async checkAll(
    sql: Sql,
    shotVersionIds: readonly string[],
    point: ConsentPoint,
    options: GateOptions,
  ): Promise<ReadonlyMap<string, GateVerdict>> {
    const shots = await this.#shots(sql, shotVersionIds, options.lock ? 'FOR NO KEY UPDATE OF v' : '');
    const ids = [...new Set(shots.flatMap(({ cast }) => consentIdsOf(cast)))];
    const consents =
      ids.length === 0 ? [] : await sql.query<ConsentRow>(options.lock ? `${CONSENTS} FOR SHARE` : CONSENTS, [ids]);
    return await this.#evaluate(sql, shots, point, consents);
  }

  /**
   * The same with a lock, for whoever already holds a task's row: it never waits for a consent that somebody is just
   * changing.
   *
   * @returns a verdict of each; none where a consent is being changed: ask again later
   */
  async checkWithoutWaiting(
    sql: Sql,
    shotVersionIds: readonly string[],
    point: ConsentPoint,
  ): Promise<ReadonlyMap<string, GateVerdict>> {
    const shots = await this.#shots(sql, shotVersionIds, '');
    const ids = [...new Set(shots.flatMap(({ cast }) => consentIdsOf(cast)))];
    if (ids.length === 0) return await this.#evaluate(sql, shots, point, []);
    const consents = await sql.query<ConsentRow>(`${CONSENTS} FOR SHARE SKIP LOCKED`, [ids]);
    const held = new Set(consents.map(({ id }) => id));
    const missing = ids.filter((id) => !held.has(id));
    const changing = new Set(missing.length === 0 ? [] : await this.#thereOf(sql, missing));
    const settled = shots.filter(({ cast }) => !consentIdsOf(cast).some((id) => changing.has(id)));
    return await this.#evaluate(sql, settled, point, consents);
  }

  async #shots(sql: Sql, shotVersionIds: readonly string[], lock: string): Promise<ShotRow[]> {
    const wanted = [...new Set(shotVersionIds)];
    const rows = wanted.length === 0 ? [] : await sql.query<ShotRow>(`${SHOT} ${lock}`, [wanted]);
    if (rows.length < wanted.length) throw new UnderstudyError('NOT_FOUND', 'There is no such shot version.');
    return rows;
  }

  async #thereOf(sql: Sql, ids: readonly string[]): Promise<string[]> {
    const rows = await sql.query<{ id: string }>('SELECT id FROM consents WHERE id = ANY ($1::uuid[])', [ids]);
    return rows.map(({ id }) => id);
  }

  async #evaluate(
    sql: Sql,
    shots: readonly ShotRow[],
    point: ConsentPoint,
    consents: readonly ConsentRow[],
  ): Promise<ReadonlyMap<string, GateVerdict>> {
    // Read after the locks: a consent may have run out while this waited.
    const asked = shots.some(({ cast }) => cast.length > 0);
    const [clock] = asked ? await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now') : [];
    const sealed = consents.map((row) => ({
      ...row,
      altered: !this.seals.fits('consents', consentRecord(row), row.seal) || isPutBack(row),
    }));
    return new Map(shots.map((shot) => [shot.id, verdictOf(shot, this.#membersOf(shot), point, sealed, clock?.now)]));
  }

  #membersOf({ id: shotVersionId, plateSha256, matteSha256, cast }: ShotRow): CastConsents[] {
    return cast.map((member) => {
      const { identity, plate, seal } = member;
      const record = castRecord({
        ...member,
        shotVersionId,
        members: cast.length,
        plateSha256,
        matteSha256,
        platePerformerId: plate.performerId,
        plateConsentId: plate.consentId,
        identityPerformerId: identity.performerId,
        identityConsentId: identity.consentId,
        identitySha256s: identity.sha256s,
      });
      return { ...member, altered: !this.seals.fits('cast_members', record, seal) };
    });
  }
}

/**
 * An earlier state of a consent, put back together with the seal that it had then: the log has gone on since. Asked in one
 * direction alone, for the row may be newer than the events that its statement sees.
 */
function isPutBack({ state, lastWord }: ConsentRow): boolean {
  return state === 'active' && lastWord !== null && lastWord !== 'consent.activated';
}

function verdictOf(
  shot: ShotRow,
  cast: readonly CastConsents[],
  point: ConsentPoint,
  consents: readonly ConsentFacts[],
  now: Date | undefined,
): GateVerdict {
  const { project, shotName, plateSha256, frames, settings } = shot;
  const consentIds = consentIdsOf(cast);
  const operations = castOperations(ShotSettings.parse(settings).recipe);
  // Whoever submits names a cast with such a recipe: its rows were taken away.
  if (cast.length === 0 && operations.length > 0) return { allowed: false, refusals: [CAST_IS_GONE], consentIds };
  if (cast.length === 0 || now === undefined) return { allowed: cast.length === 0, refusals: [], consentIds };
  const request = { now, point, project, shotName, operations, plateSha256, frames, cast, consents };
  return { ...evaluateConsents(request), consentIds };
}

function only(verdicts: ReadonlyMap<string, GateVerdict>, shotVersionId: string): GateVerdict {
  const verdict = verdicts.get(shotVersionId);
  if (verdict === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such shot version.');
  return verdict;
}

function consentIdsOf(cast: readonly Pick<CastConsents, 'identity' | 'plate'>[]): string[] {
  return [...new Set(cast.flatMap(({ identity, plate }) => [identity.consentId, plate.consentId]))];
}
