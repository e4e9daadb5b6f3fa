import type { Sql } from '../sql.js';
import type { RecordSeals, SealedTable } from './record-seals.js';
import {
  type CastRecord,
  castRecord,
  type ConsentRecord,
  consentRecord,
  type ErasureRecord,
  erasureRecord,
  type KeyDestructionRecord,
  keyDestructionRecord,
  type MembershipRecord,
  membershipRecord,
  type PerformerAccountRecord,
  performerAccountRecord,
  type RestoreAcceptanceRecord,
  restoreAcceptanceRecord,
  type SegmentRecord,
  segmentRecord,
  type UserRecord,
  userRecord,
} from './sealed-records.js';

type Stored<Row> = Row & { key: string; group: string; seal: string | null };

interface Kind {
  /** `key`, `seal` and what decides, of alias `r`. */
  readonly select: string;
  /** What a caller names rows by. */
  readonly scope: string;
  readonly key: string;
  readonly record: (row: never) => readonly unknown[];
}

const KINDS: Readonly<Record<SealedTable, Kind>> = {
  consents: {
    select: `SELECT r.id, r.performer_id AS "performerId", r.role::text AS role, r.state::text AS state, r.level::text AS level,
                    r.scope, r.holds::text[] AS holds, r.notice_elapses_at AS "noticeElapsesAt",
                    r.notice_waived_by IS NOT NULL AS "noticeWaived"`,
    scope: 'r.id',
    key: 'r.id::text',
    record: (row: ConsentRecord) => consentRecord(row),
  },
  cast_members: {
    select: `SELECT r.shot_version_id AS "shotVersionId", r."cast", r.plate_performer_id AS "platePerformerId",
                    r.plate_consent_id AS "plateConsentId", r.plate_reference_asset_ids::text[] AS "plateReferenceAssetIds",
                    r.identity_performer_id AS "identityPerformerId", r.identity_consent_id AS "identityConsentId",
                    r.identity_asset_ids::text[] AS "identityAssetIds", r.tracks,
                    (SELECT count(*)::int FROM cast_members o WHERE o.shot_version_id = r.shot_version_id) AS members,
                    (SELECT a.sha256 FROM shot_versions v JOIN assets a ON a.id = v.plate_asset_id
                      WHERE v.id = r.shot_version_id) AS "plateSha256",
                    (SELECT a.sha256 FROM shot_versions v JOIN assets a ON a.id = (v.settings->>'matteAssetId')::uuid
                      WHERE v.id = r.shot_version_id) AS "matteSha256",
                    ARRAY(SELECT i.sha256::text FROM assets i WHERE i.id = ANY (r.identity_asset_ids)) AS "identitySha256s"`,
    scope: 'r.shot_version_id',
    key: `r.shot_version_id || '/' || r."cast"`,
    record: (row: CastRecord) => castRecord(row),
  },
  segments: {
    select: 'SELECT r.task_id AS "taskId", r.epoch, r.sha256, r.frames',
    scope: 'r.task_id',
    key: 'r.task_id::text',
    record: (row: SegmentRecord) => segmentRecord(row),
  },
  memberships: {
    select: 'SELECT r.project_id AS "projectId", r.user_id AS "userId", r.role::text AS role',
    scope: 'r.user_id',
    key: `r.project_id || '/' || r.user_id || '/' || r.role`,
    record: (row: MembershipRecord) => membershipRecord(row),
  },
  performer_accounts: {
    select: 'SELECT r.performer_id AS "performerId", r.user_id AS "userId"',
    scope: 'r.user_id',
    key: `r.performer_id || '/' || r.user_id`,
    record: (row: PerformerAccountRecord) => performerAccountRecord(row),
  },
  users: {
    select: 'SELECT r.id, r.farm_roles::text[] AS "farmRoles"',
    scope: 'r.id',
    key: 'r.id::text',
    record: (row: UserRecord) => userRecord(row),
  },
  audit_erasures: {
    select: 'SELECT r.id, r.project_id AS "projectId", r.event_ids::text[] AS "eventIds", r.asked_by AS "askedBy"',
    scope: 'r.id',
    key: 'r.id::text',
    record: (row: ErasureRecord) => erasureRecord(row),
  },
  key_destructions: {
    select: 'SELECT r.id, r.project_id AS "projectId", r.asked_by AS "askedBy", r.approved_by AS "approvedBy"',
    scope: 'r.id',
    key: 'r.id::text',
    record: (row: KeyDestructionRecord) => keyDestructionRecord(row),
  },
  restore_acceptances: {
    select: `SELECT r.id, r.anchored_size AS "anchoredSize", r.anchored_root AS "anchoredRoot", r.log_size AS "logSize",
                    r.log_root AS "logRoot", r.asked_by AS "askedBy"`,
    scope: 'r.id',
    key: 'r.id::text',
    record: (row: RestoreAcceptanceRecord) => restoreAcceptanceRecord(row),
  },
};

const PAGE = 2000;

async function read(
  sql: Sql,
  table: SealedTable,
  where: string,
  params: readonly unknown[],
): Promise<Stored<unknown>[]> {
  const { select, scope, key } = KINDS[table];
  return sql.query(
    `${select}, ${scope} AS "group", ${key} AS key, encode(r.seal, 'hex') AS seal FROM ${table} r WHERE ${where}`,
    params,
  );
}

function unfitting(seals: RecordSeals, table: SealedTable, rows: readonly Stored<unknown>[]): Stored<unknown>[] {
  const { record } = KINDS[table];
  return rows.filter((row) => !seals.fits(table, record(row as never), row.seal));
}

async function write(sql: Sql, seals: RecordSeals, table: SealedTable, rows: readonly Stored<unknown>[]) {
  const { key, scope, record } = KINDS[table];
  const wrong = unfitting(seals, table, rows);
  if (wrong.length === 0) return;
  await sql.query(
    `UPDATE ${table} r SET seal = decode(s.seal, 'hex')
       FROM unnest($1::text[], $2::text[], $3::uuid[]) AS s(key, seal, of) WHERE ${scope} = s.of AND ${key} = s.key`,
    [
      wrong.map((row) => row.key),
      wrong.map((row) => seals.of(table, record(row as never))),
      wrong.map((row) => row.group),
    ],
  );
}

/**
 * Seals rows as they are in this transaction: called by whoever wrote them, right after.
 *
 * @param ids of consents, users, erasures, key destructions, acceptances, segments' tasks; of the shot versions for cast members, of the users for memberships and performers' accounts
 */
export async function sealRows(
  sql: Sql,
  seals: RecordSeals,
  table: SealedTable,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await write(sql, seals, table, await read(sql, table, `${KINDS[table].scope} = ANY ($1::uuid[])`, [ids]));
}

/** Of these rows, the ids by which they were asked for of those whose seal does not fit. */
export async function alteredRows(
  sql: Sql,
  seals: RecordSeals,
  table: SealedTable,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await read(sql, table, `${KINDS[table].scope} = ANY ($1::uuid[])`, [ids]);
  return unfitting(seals, table, rows).map(({ group }) => group);
}

/**
 * Seals the rows of a table that have no seal yet; for a database that is older than seals, once.
 *
 * @returns how many
 */
export async function sealUnsealed(sql: Sql, seals: RecordSeals, table: SealedTable): Promise<number> {
  for (let sealed = 0; ;) {
    const rows = await read(sql, table, `r.seal IS NULL LIMIT ${PAGE}`, []);
    if (rows.length === 0) return sealed;
    await write(sql, seals, table, rows);
    sealed += rows.length;
  }
}

/** Seals every row as it is now. Whoever calls this vouches for all of them. */
export async function sealEverything(sql: Sql, seals: RecordSeals, table: SealedTable): Promise<void> {
  await write(sql, seals, table, await read(sql, table, 'true', []));
}
