import { createHash, randomUUID } from 'node:crypto';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, migrate, openDatabase } from '@understudy/db';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.js';

const REAL = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const FACES = '20261124050000_faces_of_consents';

let test: TestDatabase;
let database: Database;
let before: string;
beforeAll(async () => {
  test = await createTestDatabase({ empty: true });
  before = await mkdtemp(join(tmpdir(), 'faces-migration-'));
  for (const name of (await readdir(REAL)).filter((one) => one < FACES || !/^\d/.test(one))) {
    await cp(join(REAL, name), join(before, name), { recursive: true });
  }
  await migrate(test.ownerUrl, before);
  database = openDatabase(test.ownerUrl, { maxConnections: 2 });
});
afterAll(async () => {
  await database.close();
  await test.drop();
  await rm(before, { recursive: true });
});

const sha256 = (of: string) => createHash('sha256').update(of).digest('hex');
const [projectId, performerId] = [randomUUID(), randomUUID()];

async function addConsent(images: readonly string[]): Promise<string> {
  const id = randomUUID();
  const faces = images.map((image) => ({ sha256: sha256(image), template: 'sealed', recogniser: 'test' }));
  const parties = [
    { role: 'identity', performer: 'P-1', faces },
    { role: 'plate', performer: 'P-2', faces: [] },
  ];
  await database.query(
    `INSERT INTO consents (id, lineage_id, version, project_id, performer_id, role, state, level, scope, document,
       document_sha256, valid_from, valid_until, requested_by)
     VALUES ($1, $1, 1, $2, $3, 'identity', 'pending_review', 'L1', '{}', $4, $5, now(), now() + interval '1 day', $1)`,
    [id, projectId, performerId, JSON.stringify({ statement: { parties }, attestation: {} }), sha256(id)],
  );
  return id;
}

it('gives each enrolled face to the consents whose documents bind it, and takes the templates out of documents', async () => {
  await database.query(`INSERT INTO projects (id, name, profile, least_level) VALUES ($1, 'P', 'farm', 'L1')`, [
    projectId,
  ]);
  await database.query(`INSERT INTO performers (id, project_id, name) VALUES ($1, $2, 'P-1')`, [
    performerId,
    projectId,
  ]);
  for (const image of ['one', 'two', 'of nobody']) {
    await database.query(
      `INSERT INTO performer_faces (id, performer_id, image_sha256, template, recogniser) VALUES ($1, $2, $3, $4, 'test')`,
      [randomUUID(), performerId, sha256(image), Buffer.from(image)],
    );
  }
  const [first, second, without] = [await addConsent(['one']), await addConsent(['one', 'two']), await addConsent([])];
  await migrate(test.ownerUrl, REAL);
  const faces = await database.query<{ consentId: string; template: Buffer }>(
    'SELECT consent_id AS "consentId", template FROM performer_faces ORDER BY template',
  );
  expect(faces.map(({ consentId, template }) => `${template.toString()} ${consentId}`).toSorted()).toEqual(
    [`one ${first}`, `one ${second}`, `two ${second}`].toSorted(),
  );
  const documents = await database.query<{ id: string; parties: unknown }>(
    `SELECT id, document->'statement'->'parties' AS parties FROM consents`,
  );
  const face = (image: string) => ({ sha256: sha256(image), recogniser: 'test' });
  const partiesOf = (...images: string[]) => [
    { role: 'identity', performer: 'P-1', faces: images.map(face) },
    { role: 'plate', performer: 'P-2', faces: [] },
  ];
  const byId = new Map(documents.map(({ id, parties }) => [id, parties]));
  expect(byId.get(first)).toEqual(partiesOf('one'));
  expect(byId.get(second)).toEqual(partiesOf('one', 'two'));
  expect(byId.get(without)).toEqual(partiesOf());
});
