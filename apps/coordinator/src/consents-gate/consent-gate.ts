import { Injectable } from '@nestjs/common';
import {
  type ConsentPoint,
  type ConsentScope,
  type Operation,
  ShotSettings,
  UnderstudyError,
} from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { type CastConsents, type ConsentFacts, type ConsentVerdict, evaluateConsents } from '@understudy/policy';

interface ShotRow {
  shotName: string;
  project: { name: string; leastLevel: 'L0' | 'L1' | 'L2' };
  plateSha256: string;
  frames: number | null;
  settings: unknown;
  cast: CastConsents[];
}

type ConsentRow = Omit<ConsentFacts, 'scope'> & { scope: ConsentScope };

const SHOT = `
  SELECT s.name AS "shotName", jsonb_build_object('name', p.name, 'leastLevel', p.least_level) AS project,
         a.sha256 AS "plateSha256", v.frames, v.settings,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object(
             'cast', m."cast",
             'identity', jsonb_build_object('performerId', m.identity_performer_id, 'consentId', m.identity_consent_id,
               'sha256s', coalesce((SELECT jsonb_agg(i.sha256) FROM assets i WHERE i.id = ANY (m.identity_asset_ids)), '[]')),
             'plate', jsonb_build_object('performerId', m.plate_performer_id, 'consentId', m.plate_consent_id))
             ORDER BY m."cast")
           FROM cast_members m WHERE m.shot_version_id = v.id), '[]') AS "cast"
  FROM shot_versions v
  JOIN shots s ON s.id = v.shot_id
  JOIN projects p ON p.id = s.project_id
  JOIN assets a ON a.id = v.plate_asset_id
  WHERE v.id = $1`;

/** In the order of ids, so that two who lock several never wait for each other in a ring. */
const CONSENTS = `
  SELECT id, performer_id AS "performerId", role::text AS role, state::text AS state, level::text AS level, scope
  FROM consents WHERE id = ANY ($1::uuid[]) ORDER BY id`;

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

/** What is done to a cast member's face; `anonymise` is done to everybody else and needs no consent. */
function operationsOf(settings: unknown): Operation[] {
  const types = ShotSettings.parse(settings).recipe.processors.map((processor) => processor.type);
  return [...new Set(types.filter((type) => type !== 'anonymise'))];
}

/** Evaluates every consent of a shot version against what the database says now. Used at all six points. */
@Injectable()
export class ConsentGate {
  /** @throws UnderstudyError NOT_FOUND */
  async check(sql: Sql, shotVersionId: string, point: ConsentPoint, options: GateOptions): Promise<GateVerdict> {
    const shot = await this.#shot(sql, shotVersionId, options.lock ? 'FOR NO KEY UPDATE OF v' : '');
    const ids = consentIdsOf(shot.cast);
    const consents = await sql.query<ConsentRow>(options.lock ? `${CONSENTS} FOR SHARE` : CONSENTS, [ids]);
    return await this.#evaluate(sql, shot, point, consents, ids);
  }

  /**
   * The same with a lock, for whoever already holds a task's row: it never waits for a consent that somebody is just
   * changing.
   *
   * @returns null when a consent is being changed; ask again later
   */
  async checkWithoutWaiting(sql: Sql, shotVersionId: string, point: ConsentPoint): Promise<GateVerdict | null> {
    const shot = await this.#shot(sql, shotVersionId, '');
    const ids = consentIdsOf(shot.cast);
    const consents = await sql.query<ConsentRow>(`${CONSENTS} FOR SHARE SKIP LOCKED`, [ids]);
    if (consents.length < ids.length && (await this.#countOf(sql, ids)) > consents.length) return null;
    return await this.#evaluate(sql, shot, point, consents, ids);
  }

  async #shot(sql: Sql, shotVersionId: string, lock: string): Promise<ShotRow> {
    const [row] = await sql.query<ShotRow>(`${SHOT} ${lock}`, [shotVersionId]);
    if (row === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such shot version.');
    return row;
  }

  async #countOf(sql: Sql, ids: readonly string[]): Promise<number> {
    const [row] = await sql.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM consents WHERE id = ANY ($1::uuid[])',
      [ids],
    );
    return row!.count;
  }

  async #evaluate(
    sql: Sql,
    shot: ShotRow,
    point: ConsentPoint,
    consents: readonly ConsentRow[],
    consentIds: readonly string[],
  ): Promise<GateVerdict> {
    if (shot.cast.length === 0) return { allowed: true, refusals: [], consentIds };
    // Read after the locks: a consent may have run out while this waited.
    const [clock] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    const { project, shotName, plateSha256, frames, cast, settings } = shot;
    const verdict = evaluateConsents({
      now: clock!.now,
      point,
      project,
      shotName,
      operations: operationsOf(settings),
      plateSha256,
      frames,
      cast,
      consents,
    });
    return { ...verdict, consentIds };
  }
}

function consentIdsOf(cast: readonly CastConsents[]): string[] {
  return [...new Set(cast.flatMap(({ identity, plate }) => [identity.consentId, plate.consentId]))];
}
