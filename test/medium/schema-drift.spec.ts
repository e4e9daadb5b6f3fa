import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '@understudy/db';
import { createTestDatabase, type TestDatabase } from './database.js';
import { type ModelTable, readSchemaModel, type SchemaModel } from './schema-model.js';

/** Indexes that the schema language cannot say; each is a rule of the migration. */
const BEYOND_THE_SCHEMA = [
  'attempts_at_work',
  'attempts_one_accepted',
  'attempts_one_live',
  'audit_events_of_consents',
  'break_glass_one',
  'consent_holds_one_open',
  'invitations_one_open',
  'key_destructions_once',
  'model_packs_one_default',
  'outbox_intent',
  'role_requests_one_open',
  'shot_versions_waiting',
  'tasks_at_work',
  'tasks_failed',
  'tasks_held',
  'tasks_open',
  'tasks_queue',
  'tasks_range_once',
];

const model = readSchemaModel(await readFile(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8'));

async function readCatalog(database: Database): Promise<SchemaModel> {
  const tables: Record<string, ModelTable> = {};
  const columns = await database.query<{
    table: string;
    column: string;
    type: string;
    nullable: boolean;
    hasDefault: boolean;
  }>(
    `SELECT c.relname AS table, a.attname AS column, NOT a.attnotnull AS nullable, a.atthasdef AS "hasDefault",
            coalesce(e.typname, t.typname)
              || CASE coalesce(e.typname, t.typname)
                   WHEN 'bpchar' THEN '(' || a.atttypmod - 4 || ')'
                   WHEN 'timestamptz' THEN '(' || a.atttypmod || ')'
                   ELSE '' END
              || CASE WHEN e.oid IS NULL THEN '' ELSE '[]' END AS type
     FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_prisma_migrations'`,
  );
  for (const { table, column, ...rest } of columns) {
    tables[table] ??= { columns: {}, primaryKey: [], uniques: [], indexes: [], references: [] };
    tables[table].columns[column] = rest;
  }
  const indexes = await database.query<{ table: string; kind: string; columns: string[] }>(
    `SELECT c.relname AS table, CASE WHEN i.indisprimary THEN 'primary' WHEN i.indisunique THEN 'unique' ELSE 'index' END AS kind,
            (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(num, n)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num) AS columns
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> '_prisma_migrations' AND NOT x.relname = ANY ($1::text[])`,
    [BEYOND_THE_SCHEMA],
  );
  for (const { table, kind, columns: list } of indexes) {
    if (kind === 'primary') tables[table]!.primaryKey = list;
    else tables[table]![kind === 'unique' ? 'uniques' : 'indexes'].push(list.join(','));
  }
  const references = await database.query<{ table: string; reference: string }>(
    `SELECT k.conrelid::regclass::text AS table,
            a.attname || ' -> ' || k.confrelid::regclass::text || '.' || b.attname AS reference
     FROM pg_constraint k
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
     JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
     WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace`,
  );
  for (const { table, reference } of references) tables[table]!.references.push(reference);
  for (const table of Object.values(tables))
    for (const list of [table.uniques, table.indexes, table.references]) list.sort();
  const enums = await database.query<{ name: string; labels: string[] }>(
    `SELECT t.typname AS name, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
     FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typnamespace = 'public'::regnamespace GROUP BY 1`,
  );
  return { tables, enums: Object.fromEntries(enums.map(({ name, labels }) => [name, labels])) };
}

let test: TestDatabase;
let database: Database;
let catalog: SchemaModel;

beforeAll(async () => {
  test = await createTestDatabase();
  database = openDatabase(test.ownerUrl, { maxConnections: 2 });
  catalog = await readCatalog(database);
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

describe('the migrations and schema.prisma', () => {
  it('name the same tables and enumerations', () => {
    expect(Object.keys(catalog.tables).sort()).toEqual(Object.keys(model.tables).sort());
    expect(catalog.enums).toEqual(model.enums);
  });

  it.each(Object.keys(model.tables))('agree on %s', (table) => {
    expect(catalog.tables[table]).toEqual(model.tables[table]);
  });

  it('keep every rule that goes beyond the schema', async () => {
    const found = await database.query<{ name: string }>(
      `SELECT indexname::text AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname = ANY ($1::text[])
       UNION ALL SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
       UNION ALL SELECT conname::text FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
       ORDER BY 1`,
      [BEYOND_THE_SCHEMA],
    );
    expect(found.map(({ name }) => name)).toEqual(
      [
        ...BEYOND_THE_SCHEMA,
        'assets_project_key_is_there',
        'attempt_logs_bounded',
        'attempts_epoch_check',
        'attempts_of_their_own',
        'audit_checkpoints_rows_stay',
        'audit_checkpoints_table_stays',
        'audit_erasures_decided_check',
        'audit_erasures_events_check',
        'audit_erasures_four_eyes',
        'audit_erasures_hold',
        'audit_erasures_used_check',
        'audit_events_rows_stay',
        'audit_events_table_stays',
        'audit_leaves_rows_stay',
        'audit_leaves_table_stays',
        'audit_personal_by_two',
        'audit_personal_salt_check',
        'audit_personal_stays',
        'audit_subtrees_rows_stay',
        'audit_subtrees_table_stays',
        'batches_project_key_is_there',
        'break_glass_by_two',
        'break_glass_four_eyes',
        'break_glass_opened_check',
        'consent_holds_four_eyes_check',
        'consent_holds_lifted_check',
        'consent_signatures_ed25519',
        'consent_signatures_stay',
        'consents_activated_check',
        'consents_four_eyes_check',
        'consents_notice_waiver_check',
        'consents_one_performer_a_lineage',
        'consents_project_key_is_there',
        'consents_revoked_check',
        'consents_signed',
        'consents_stay_ended',
        'consents_waivers_are_local',
        'consents_window_check',
        'deliveries_four_eyes',
        'deliveries_release_check',
        'farm_roles_by_two',
        'invitations_accepted_check',
        'key_destructions_decided_check',
        'key_destructions_four_eyes',
        'key_destructions_hold',
        'key_destructions_used_check',
        'memberships_by_two',
        'model_packs_approval_whole',
        'model_packs_default_approved',
        'model_packs_four_eyes',
        'model_packs_performer_named',
        'model_packs_stay',
        'performer_accounts_by_two',
        'performer_accounts_two_people',
        'performer_keys_ed25519',
        'performers_project_key_is_there',
        'projects_end_by_two',
        'projects_share_check',
        'projects_terms_stay',
        'provider_accounts_stay',
        'restore_acceptances_decided_check',
        'restore_acceptances_four_eyes',
        'restore_acceptances_hold',
        'restore_acceptances_used_check',
        'role_requests_decided_check',
        'role_requests_four_eyes',
        'role_requests_hold',
        'role_requests_role_check',
        'second_factors_confirmed_check',
        'second_factors_pending_check',
        'second_factors_step_only_grows',
        'shot_versions_project_key_is_there',
        'shots_project_key_is_there',
        'shot_versions_hold_tasks',
        'tasks_are_held',
        'tasks_epoch_only_grows',
        'tasks_have_project',
        'tasks_owner_check',
        'tasks_range_check',
        'tokens_key_check',
        'tokens_owner_check',
        'tokens_tell_change',
        'tracks_range_check',
        'tracks_recogniser_check',
        'webhooks_project_key_is_there',
        'worker_keys_approved_check',
        'worker_keys_by_two',
        'worker_keys_end',
        'workers_by_two',
        'workers_four_eyes',
        'workers_tell_change',
      ].sort(),
    );
  });
});
