import { leafHash, merkleRoot } from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

let farm: TestCoordinator;
let auditor: TestPerson;
let projectId: string;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  projectId = await farm.addProject();
  auditor = await farm.addMember(projectId, 'compliance_auditor');
});
afterAll(() => farm.stop());

const event = (n: number, of: string | null = projectId) => ({
  actor: 'system',
  action: 'test.counted',
  subjectType: 'Test',
  subjectId: String(n),
  projectId: of,
  data: { n },
});
const checkpoint = async () => (await farm.call('getAuditCheckpoint', auditor.token)).body;
const leaves = () =>
  farm.owner.query<{ canonical: string; leaf: Buffer }>(
    'SELECT canonical, leaf_hash AS leaf FROM audit_events ORDER BY sequence',
  );

describe('the audit log', () => {
  it('has an event when the transaction is committed, and none when it is not', async () => {
    const writer = farm.app.get(AuditWriter);
    const failing = farm.owner.hotTransaction(async (sql) => {
      await writer.append(sql, event(1));
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await farm.owner.transaction((tx) => writer.append(tx, event(2)));
    expect((await farm.audit('test.counted')).map(({ subjectId }) => subjectId)).toEqual(['2']);
  });

  it('keeps the RFC 6962 leaf hash of the canonical event', async () => {
    for (const { canonical, leaf } of await leaves()) {
      expect(Buffer.from(leaf)).toEqual(Buffer.from(leafHash(Buffer.from(canonical))));
    }
  });

  it('has a checkpoint over all of it, in order', async () => {
    const writer = farm.app.get(AuditWriter);
    await Promise.all(Array.from({ length: 40 }, (_, n) => writer.append(farm.owner, event(100 + n))));
    const taken = await checkpoint();
    const hashes = (await leaves()).map(({ leaf }) => new Uint8Array(leaf));
    expect(taken.size).toBe(hashes.length);
    expect(taken.rootHash).toBe(Buffer.from(merkleRoot(hashes)).toString('hex'));
  });

  it('waits with a checkpoint for a writer that has its number and is not done', async () => {
    const writer = farm.app.get(AuditWriter);
    let taken: Promise<{ size: number }> | undefined;
    await farm.owner.hotTransaction(async (sql) => {
      await writer.append(sql, event(200));
      taken = checkpoint();
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    const [count] = await farm.owner.query<{ n: number }>('SELECT count(*)::int AS n FROM audit_events');
    expect((await taken)?.size).toBe(count?.n);
  });

  it('does not let the running service change or delete an event', async () => {
    const writer = farm.app.get(AuditWriter);
    await writer.append(farm.owner, event(300));
    for (const attempt of ['UPDATE audit_events SET actor = $1', 'DELETE FROM audit_events WHERE actor <> $1']) {
      await expect(farm.runtime.query(attempt, ['nobody'])).rejects.toMatchObject({ code: '42501' });
    }
  });
});

describe('reading the log', () => {
  it('goes by pages, newest first, and ends', async () => {
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { limit: '7', projectId, ...(typeof cursor === 'string' ? { cursor } : {}) };
      const { body } = await farm.call('listAuditEvents', auditor.token, { query });
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.next;
    } while (cursor !== null);
    const rows = await farm.owner.query<{ id: string }>(
      'SELECT id FROM audit_events WHERE project_id = $1 ORDER BY sequence DESC',
      [projectId],
    );
    expect(seen).toEqual(rows.map(({ id }) => id));
    expect(seen.length).toBeGreaterThan(40);
  });

  it("shows an auditor one's own project alone, an org admin what belongs to none", async () => {
    const writer = farm.app.get(AuditWriter);
    const other = await farm.addProject();
    await writer.append(farm.owner, event(400, other));
    await writer.append(farm.owner, event(401, null));
    const projectsSeenBy = async (token: string) => {
      const { body } = await farm.call('listAuditEvents', token, { query: { limit: '500' } });
      return [...new Set(body.items.map((item) => item.projectId))];
    };
    expect(await projectsSeenBy(auditor.token)).toEqual([projectId]);
    expect(await projectsSeenBy((await farm.addUser(['org_admin'])).token)).toEqual([null]);
  });

  it('refuses a cursor that no page gave', async () => {
    const { status } = await farm.call('listAuditEvents', auditor.token, { query: { cursor: '1; DROP TABLE users' } });
    expect(status).toBe(400);
  });
});
