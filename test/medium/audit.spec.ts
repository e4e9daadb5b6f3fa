import { appendAuditEvents } from '@understudy/db';
import {
  isSignedBy,
  leafHash,
  merkleRoot,
  parseCheckpoint,
  parseVerifierKey,
  verifyConsistency,
  verifyInclusion,
} from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { Sequencer } from '../../apps/coordinator/src/audit/sequencer.js';
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

  it('has a signed checkpoint over all of it, each event in one place', async () => {
    const writer = farm.app.get(AuditWriter);
    await Promise.all(Array.from({ length: 40 }, (_, n) => writer.append(farm.owner, event(100 + n))));
    const taken = await checkpoint();
    const rows = await farm.owner.query<{ leaf: Buffer; id: string }>(
      'SELECT l.hash AS leaf, e.id FROM audit_leaves l JOIN audit_events e ON e.sequence = l.event_sequence ORDER BY l.index',
    );
    expect(taken.size).toBe((await leaves()).length);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(taken.size);
    expect(taken.rootHash).toBe(Buffer.from(merkleRoot(rows.map(({ leaf }) => leaf))).toString('hex'));
    const note = parseCheckpoint(taken.note);
    expect(note.size).toBe(taken.size);
    expect(Buffer.from(note.root).toString('hex')).toBe(taken.rootHash);
    expect(isSignedBy(note, parseVerifierKey(taken.verifierKey))).toBe(true);
  });

  it('does not wait for a writer that is not done, and has its event once it is', async () => {
    const writer = farm.app.get(AuditWriter);
    let [before, meanwhile, id] = [0, 0, ''];
    await farm.owner.hotTransaction(async (sql) => {
      before = (await checkpoint()).size;
      id = await writer.append(sql, event(200));
      await writer.append(farm.owner, event(201));
      meanwhile = (await checkpoint()).size;
    });
    expect(meanwhile).toBe(before + 1);
    expect((await checkpoint()).size).toBe(before + 2);
    const { body } = await farm.call('getAuditProof', auditor.token, { params: { eventId: id } });
    expect(body.index).toBe(before + 1);
  });

  it('proves inclusion and consistency over thousands of entries', async () => {
    const first = await checkpoint();
    const bulk = Array.from({ length: 2000 }, (_, n) => ({ ...event(n, null), action: 'test.bulk' }));
    await appendAuditEvents(farm.owner, bulk, new Date());
    const { token } = await farm.addUser(['org_admin']);
    const ids = await farm.owner.query<{ id: string; canonical: string }>(
      `SELECT id, canonical FROM audit_events WHERE action = 'test.bulk' ORDER BY sequence`,
    );
    const bytes = (text: string) => Buffer.from(text, 'hex');
    for (const at of [0, 1, 255, 256, 1000, 1999]) {
      const { id = '', canonical: text = '' } = ids[at] ?? {};
      const { body } = await farm.call('getAuditProof', token, { params: { eventId: id } });
      const { index, proof, checkpoint: head } = body;
      const leaf = leafHash(Buffer.from(text));
      expect(verifyInclusion(leaf, index, head.size, proof.map(bytes), bytes(head.rootHash))).toBe(true);
    }
    const { body } = await farm.call('getAuditConsistency', auditor.token, { query: { from: String(first.size) } });
    const [earlier, later] = [first, body.checkpoint].map(({ size, rootHash }) => ({ size, root: bytes(rootHash) }));
    expect(verifyConsistency(earlier!, later!, body.proof.map(bytes))).toBe(true);
    const { status } = await farm.call('getAuditConsistency', auditor.token, { query: { from: '99999999' } });
    expect(status).toBe(400);
  });

  it('gives a place once, also when several replicas are at it', async () => {
    const writer = farm.app.get(AuditWriter);
    const sequencer = farm.app.get(Sequencer);
    const writing = Array.from({ length: 300 }, (_, n) => writer.append(farm.owner, event(1000 + n)));
    const placing = Array.from({ length: 12 }, () => sequencer.run({ wait: true }));
    await Promise.all([...writing, ...placing]);
    const { size } = await checkpoint();
    const [row] = await farm.owner.query<{ leaves: number; events: number; last: number }>(
      `SELECT count(*)::int AS leaves, (SELECT count(*)::int FROM audit_events) AS events, max(index)::int AS last FROM audit_leaves`,
    );
    expect(row).toEqual({ leaves: size, events: size, last: size - 1 });
  });

  it('reads no leaf again to grow', async () => {
    const writer = farm.app.get(AuditWriter);
    await checkpoint();
    await writer.append(farm.owner, event(2000));
    const plan = await farm.owner.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT size, root, frontier FROM audit_checkpoints ORDER BY size DESC LIMIT 1`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('Index Scan Backward');
    const { size } = await checkpoint();
    const [head] = await farm.owner.query<{ frontier: Buffer }>(
      'SELECT frontier FROM audit_checkpoints WHERE size = $1',
      [size],
    );
    const bits = [...size.toString(2)].filter((bit) => bit === '1').length;
    expect(head?.frontier.length).toBe(32 * bits);
  });

  it('does not let the running service change or delete an event', async () => {
    const writer = farm.app.get(AuditWriter);
    await writer.append(farm.owner, event(300));
    await checkpoint();
    for (const table of ['audit_events', 'audit_leaves', 'audit_subtrees', 'audit_checkpoints']) {
      for (const attempt of [`DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
        await expect(farm.runtime.query(attempt), attempt).rejects.toMatchObject({ code: '42501' });
        // The owner is stopped by the triggers, whatever the session's replication role.
        const asOwner = farm.owner.hotTransaction(async (sql) => {
          await sql.query(`SET LOCAL session_replication_role = replica`);
          await sql.query(attempt);
        });
        await expect(asOwner, attempt).rejects.toMatchObject({ code: '42501' });
      }
    }
    await expect(farm.runtime.query('UPDATE audit_events SET actor = $1', ['nobody'])).rejects.toMatchObject({
      code: '42501',
    });
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
