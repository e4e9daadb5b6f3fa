import { randomUUID } from 'node:crypto';
import { PROJECT_ROLES } from '@understudy/contracts';
import type { Prisma } from '@understudy/db';
import { ACTIONS, type ActorRoles, asSubject, type SubjectName, SUBJECTS as ALL_SUBJECTS } from '@understudy/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibleTo } from '../../apps/coordinator/src/access/accessible.js';
import { createActor } from '../../apps/coordinator/src/access/actor.js';
import { TestCoordinator } from './coordinator.js';

const ROWS = 10_000;
const PROJECTS = 24;
const ACTORS = 12;

let farm: TestCoordinator;
beforeAll(async () => {
  farm = await TestCoordinator.start({ AUDIT_CHECKPOINT_SECONDS: '3600' });
  // Without seals: nobody signs in as any of them.
  await farm.owner.tampering.query(FILL);
});
afterAll(() => farm.stop());

/** 10,000 rows of each subject, spread over projects, people and workers by chance; some columns are NULL. */
const FILL = `
  SELECT setseed(0.42);
  INSERT INTO projects (id, name, profile, least_level)
    SELECT gen_random_uuid(), 'R ' || n, 'farm', 'L1' FROM generate_series(1, ${ROWS}) n;
  CREATE TABLE few AS SELECT id, row_number() OVER (ORDER BY name) - 1 AS n FROM projects ORDER BY name LIMIT ${PROJECTS};
  CREATE FUNCTION a_project() RETURNS uuid VOLATILE LANGUAGE sql AS
    $$ SELECT id FROM few ORDER BY n OFFSET floor(random() * ${PROJECTS})::int LIMIT 1 $$;
  INSERT INTO users (id, name, email) SELECT gen_random_uuid(), 'U', 'u' || n || '@example.org' FROM generate_series(1, ${ROWS}) n;
  CREATE TABLE people AS SELECT id, row_number() OVER () - 1 AS n FROM users WHERE name = 'U' LIMIT 40;
  INSERT INTO workers (id, name, created_by) SELECT gen_random_uuid(), 'W' || n, gen_random_uuid() FROM generate_series(1, ${ROWS}) n;
  CREATE TABLE machines AS SELECT id, row_number() OVER () - 1 AS n FROM workers LIMIT 40;
  INSERT INTO tokens (id, kind, hash, name, user_id, worker_id)
    SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN 'worker' ELSE 'api' END::token_kind, md5(n::text) || md5((n + 1)::text), 'T',
           CASE WHEN n % 3 <> 0 THEN (SELECT id FROM people p WHERE p.n = g.n % 40) END,
           CASE WHEN n % 3 = 0 THEN (SELECT id FROM machines m WHERE m.n = g.n % 40) END FROM generate_series(1, ${ROWS}) g(n);
  INSERT INTO role_requests (id, user_id, project_id, role, requested_by, expires_at)
    SELECT gen_random_uuid(), (SELECT id FROM people p WHERE p.n = g.n % 40), f.id, 'artist', gen_random_uuid(), now()
      FROM generate_series(1, ${ROWS}) g(n) JOIN (SELECT id, row_number() OVER () AS n FROM projects) f USING (n);
  INSERT INTO invitations (id, email, name, hash, roles, invited_by, expires_at)
    SELECT gen_random_uuid(), 'i' || n || '@example.org', 'I', md5(n::text) || md5((n + 1)::text), '{}',
           (SELECT id FROM people p WHERE p.n = g.n % 40), now() FROM generate_series(1, ${ROWS}) g(n);
  INSERT INTO memberships (project_id, user_id, role, granted_by)
    SELECT f.id, (SELECT id FROM people p WHERE p.n = f.n % 40), 'artist', gen_random_uuid()
      FROM (SELECT id, row_number() OVER () AS n FROM projects) f;
  INSERT INTO model_packs (id, pack, version, sha256, manifest, added_by)
    SELECT gen_random_uuid(), 'p' || n, '1', '-', '{}', gen_random_uuid() FROM generate_series(1, ${ROWS}) n;
  INSERT INTO audit_checkpoints (size, root, frontier, settled_before, note)
    SELECT 1000000 + n, '\\x00', '\\x00', 0, '-' FROM generate_series(1, ${ROWS}) n;
  INSERT INTO performers (id, project_id, name) SELECT gen_random_uuid(), a_project(), 'P' || n FROM generate_series(1, ${ROWS}) n;
  INSERT INTO role_requests (id, user_id, project_id, role, performer_id, requested_by, expires_at, declined_by, decided_at)
    SELECT gen_random_uuid(), (SELECT id FROM people p WHERE p.n = 1), project_id, 'performer', id, gen_random_uuid(), now(),
           gen_random_uuid(), now() FROM performers;
  INSERT INTO consents (id, lineage_id, version, project_id, performer_id, role, state, level, scope, document, document_sha256,
      valid_from, valid_until, requested_by)
    SELECT gen_random_uuid(), gen_random_uuid(), 1, project_id, id, 'identity', 'pending_review', 'L1', '{}', '{}', repeat('a', 64),
           now(), now() + interval '1 day', gen_random_uuid() FROM performers;
  INSERT INTO assets (id, project_id, kind, sha256, bytes)
    SELECT gen_random_uuid(), a_project(), 'identity', md5(n::text) || md5((n + 1)::text), 1 FROM generate_series(1, ${ROWS}) n;
  INSERT INTO webhooks (id, project_id, url, secret, created_by)
    SELECT gen_random_uuid(), a_project(), 'https://example.org', '\\x00', gen_random_uuid() FROM generate_series(1, ${ROWS});
  INSERT INTO face_templates (asset_id, task_id, state) SELECT id, gen_random_uuid(), 'pending' FROM assets;
  INSERT INTO shots (id, project_id, name, created_by)
    SELECT gen_random_uuid(), a_project(), 'S' || n, gen_random_uuid() FROM generate_series(1, ${ROWS}) n;
  INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, created_by)
    SELECT gen_random_uuid(), id, 1, 'ingesting', gen_random_uuid(), '{}', gen_random_uuid() FROM shots;
  INSERT INTO tasks (id, kind, shot_version_id, asset_id, start_frame, end_frame)
    SELECT gen_random_uuid(), CASE WHEN random() < 0.2 THEN 'enrol' ELSE 'render' END::task_kind, id, gen_random_uuid(), 0, 1 FROM shot_versions;
  UPDATE tasks SET shot_version_id = NULL WHERE kind = 'enrol';
  INSERT INTO deliveries (id, shot_version_id, state, sha256, bytes, frames)
    SELECT gen_random_uuid(), id, 'ready', repeat('a', 64), 1, 1 FROM shot_versions;
  INSERT INTO lanes (id, worker_id, ordinal, host, capabilities, parity_class)
    SELECT gen_random_uuid(), (SELECT id FROM machines m WHERE m.n = g.n % 40), g.n, 'h', '{}', 'p' FROM generate_series(1, ${ROWS}) g(n);
  INSERT INTO attempts (id, task_id, epoch, lane_id, expires_at)
    SELECT gen_random_uuid(), t.id, 1, l.id, now() FROM (SELECT id, row_number() OVER () AS n FROM tasks) t
      JOIN (SELECT id, row_number() OVER () AS n FROM lanes) l USING (n);
  INSERT INTO audit_events (id, at, actor, action, subject_type, subject_id, project_id, canonical, leaf_hash)
    SELECT gen_random_uuid(), now(), 'system', 'test.row', 'Test', '-', CASE WHEN random() < 0.2 THEN NULL ELSE a_project() END, '{}', '\\x00'
      FROM generate_series(1, ${ROWS}) n;
  INSERT INTO audit_erasures (id, project_id, event_ids, reason, asked_by, expires_at)
    SELECT gen_random_uuid(), CASE WHEN random() < 0.2 THEN NULL ELSE a_project() END, ARRAY[gen_random_uuid()], 'r', gen_random_uuid(), now()
      FROM generate_series(1, ${ROWS}) n;
  INSERT INTO key_destructions (id, project_id, reason, asked_by, expires_at)
    SELECT gen_random_uuid(), a_project(), 'r', gen_random_uuid(), now() FROM generate_series(1, ${ROWS}) n;
  INSERT INTO restore_acceptances (id, anchored_size, anchored_root, log_size, log_root, reason, asked_by, expires_at)
    SELECT gen_random_uuid(), 2, repeat('a', 64), 1, repeat('b', 64), 'r', gen_random_uuid(), now() FROM generate_series(1, ${ROWS}) n;
`;

type Model = SubjectName & Prisma.ModelName;
interface Delegate {
  findMany(args: object): Promise<({ id: string } & Record<string, unknown>)[]>;
}
const OF_SHOT = { shotVersion: { select: { shot: { select: { projectId: true } } } } };
/** How rows of each subject are read: the columns that conditions may ask for, and those of related rows. */
const SUBJECTS: Partial<Record<Model, { model: string; select: object; key?: string }>> = {
  Project: { model: 'project', select: { id: true } },
  User: { model: 'user', select: { id: true } },
  Membership: { model: 'membership', select: { projectId: true, userId: true, role: true }, key: 'projectId' },
  RoleRequest: { model: 'roleRequest', select: { id: true, projectId: true, role: true } },
  Invitation: { model: 'invitation', select: { id: true } },
  ModelPack: { model: 'modelPack', select: { id: true } },
  AuditCheckpoint: { model: 'auditCheckpoint', select: { size: true }, key: 'size' },
  Worker: { model: 'worker', select: { id: true } },
  Token: { model: 'token', select: { id: true, userId: true } },
  Performer: { model: 'performer', select: { id: true, projectId: true } },
  Consent: { model: 'consent', select: { id: true, projectId: true } },
  Asset: { model: 'asset', select: { id: true, projectId: true } },
  FaceTemplate: {
    model: 'faceTemplate',
    select: { assetId: true, asset: { select: { projectId: true } } },
    key: 'assetId',
  },
  Webhook: { model: 'webhook', select: { id: true, projectId: true } },
  Shot: { model: 'shot', select: { id: true, projectId: true } },
  Task: { model: 'task', select: { id: true, ...OF_SHOT } },
  Delivery: { model: 'delivery', select: { id: true, ...OF_SHOT } },
  Lane: { model: 'lane', select: { id: true, workerId: true } },
  Attempt: { model: 'attempt', select: { id: true, lane: { select: { workerId: true } } } },
  AuditEvent: { model: 'auditEvent', select: { id: true, projectId: true } },
  AuditErasure: { model: 'auditErasure', select: { id: true, projectId: true } },
  KeyDestruction: { model: 'keyDestruction', select: { id: true, projectId: true } },
  RestoreAcceptance: { model: 'restoreAcceptance', select: { id: true } },
};

async function ids(table: string): Promise<string[]> {
  return (await farm.owner.query<{ id: string }>(`SELECT id FROM ${table} ORDER BY id`)).map(({ id }) => id);
}

/** People with roles in up to six projects, and workers, of any kind the abilities know. */
async function someActors(): Promise<ActorRoles[]> {
  const [projects, people, machines] = [await ids('few'), await ids('people'), await ids('machines')];
  const membership = fc.record({ projectId: fc.constantFrom(...projects), role: fc.constantFrom(...PROJECT_ROLES) });
  const user = fc.record({
    kind: fc.constant('user' as const),
    id: fc.constantFrom(...people),
    farmRoles: fc.subarray(['org_admin', 'farm_operator'] as const),
    memberships: fc.array(membership, { maxLength: 6 }),
  });
  const worker = fc
    .constantFrom(...machines)
    .map((id) => ({ kind: 'worker' as const, id, farmRoles: [], memberships: [] }));
  return [...fc.sample(user, { numRuns: ACTORS, seed: 7 }), ...fc.sample(worker, { numRuns: 3, seed: 7 })];
}

it('asks of every subject that has rows', () => {
  // No table of theirs: a session is a token, metrics are numbers, evidence is made of other rows; of the break-glass account there is one.
  const without = ['Session', 'Metrics', 'Evidence', 'Portal', 'BreakGlass'];
  expect([...Object.keys(SUBJECTS), ...without].toSorted()).toEqual([...ALL_SUBJECTS].toSorted());
});

describe(`can() and accessibleBy, on ${ROWS} rows`, () => {
  it.each(Object.entries(SUBJECTS))(
    'agree on every %s',
    { timeout: 120_000 },
    async (name, { model, select, key = 'id' }) => {
      const table = (farm.owner.prisma as unknown as Record<string, Delegate>)[model]!;
      const rows = await table.findMany({ select });
      expect(rows.length).toBeGreaterThanOrEqual(ROWS);
      let [asked, allowed, denied] = [0, 0, 0];
      for (const who of await someActors()) {
        const { ability } = createActor({ ...who, name: '', token: { id: randomUUID(), kind: 'api' } });
        for (const action of ACTIONS) {
          if (ability.cannot(action, name as Model)) {
            expect(() => accessibleTo(ability, action, name as Model)).toThrow(/do not allow/);
            denied += 1;
            continue;
          }
          const found = await table.findMany({
            where: accessibleTo(ability, action, name as Model),
            select: { [key]: true },
          });
          const expected = rows.filter((row) => ability.can(action, asSubject(name as Model, row)));
          const idOf = (row: Record<string, unknown>): string => String(row[key]);
          expect(found.map(idOf).toSorted(), `${who.kind} ${action} ${name}`).toEqual(expected.map(idOf).toSorted());
          asked += rows.length;
          allowed += found.length;
        }
      }
      expect(denied).toBeGreaterThan(0);
      expect(asked).toBeGreaterThanOrEqual(ROWS);
      expect(allowed).toBeGreaterThan(0);
    },
  );
});
