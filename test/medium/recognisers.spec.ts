import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { capabilities } from './shards-farm.js';
import { signed, statement } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

let farm: TestCoordinator;
let producer: TestPerson;
let project: { id: string; name: string };
beforeEach(async () => {
  farm = await TestCoordinator.start();
  const id = await farm.addProject('farm', 'L1');
  const [{ name = '' } = {}] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [
    id,
  ]);
  project = { id, name };
  producer = await farm.addMember(id, 'producer');
});
afterEach(() => farm.stop());

async function addLane(recogniser: string): Promise<void> {
  await farm.owner.query(
    `WITH w AS (INSERT INTO workers (id, name, created_by) VALUES (gen_random_uuid(), $1, gen_random_uuid()) RETURNING id)
     INSERT INTO lanes (id, worker_id, ordinal, host, state, capabilities, parity_class, last_seen_at)
     SELECT gen_random_uuid(), id, 0, 'host', 'idle', $2::jsonb, 'class', now() FROM w`,
    [`worker ${recogniser}`, JSON.stringify({ ...capabilities(), recogniser })],
  );
}
const bring = () =>
  farm.call('importConsent', producer.token, {
    params: { projectId: project.id },
    body: signed(statement({ project: project.name })),
  });

describe('faces of a document', () => {
  it('are taken when the lanes read with the same recogniser, and refused when none does', async () => {
    await addLane('another');
    const { body } = await bring();
    expect(body.error).toMatchObject({
      code: 'CONSENT_DOCUMENT_INVALID',
      details: { recogniser: 'test', used: ['another'] },
    });
    await addLane('test');
    expect((await bring()).status).toBe(200);
  });
});
