import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendAuditEvent } from '@understudy/db';
import {
  leafHash,
  MerkleAccumulator,
  parseCheckpoint,
  readOutside,
  signCheckpoint,
  type Verification,
  verifyExport,
} from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { CONTENT_ROUTES } from '@understudy/contracts';
import { TestCoordinator, type TestPerson } from './coordinator.js';

const TABLES = ['audit_events', 'audit_leaves', 'audit_subtrees', 'audit_checkpoints'];
const EVENTS = 60;
const BAD = 17;

let farm: TestCoordinator;
let projectId: string;
let auditor: TestPerson;
let outside: string;
let anchor: string;
let key: KeyObject;
let origin: string;
let size: number;

async function exported(token = auditor.token): Promise<string[]> {
  const response = await farm.send('GET', CONTENT_ROUTES.auditExport, { token });
  expect(response.status).toBe(200);
  return (await response.text()).split('\n');
}
const verified = async (lines: string[], path?: string): Promise<Verification> =>
  verifyExport(lines, path === undefined ? {} : { outside: await readOutside(path) });

/** Whoever owns the database, takes the triggers off and has stolen the signing key: the whole log anew, all of it sound. */
async function writeLog(events: readonly string[], note?: string): Promise<void> {
  await farm.owner.hotTransaction(async (sql) => {
    for (const table of TABLES) await sql.query(`DELETE FROM ${table}`);
    const tree = new MerkleAccumulator();
    for (const [index, canonical] of events.entries()) {
      const { id, at, actor, action, subjectType, subjectId, projectId: of } = JSON.parse(canonical) as Row;
      const leaf = Buffer.from(leafHash(Buffer.from(canonical)));
      await sql.query(
        `INSERT INTO audit_events (sequence, id, at, actor, action, subject_type, subject_id, project_id, canonical, leaf_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [index + 1, id, at, actor, action, subjectType, subjectId, of, canonical, leaf],
      );
      await sql.query('INSERT INTO audit_leaves (index, event_sequence, hash) VALUES ($1, $2, $3)', [
        index,
        index + 1,
        leaf,
      ]);
      tree.append(leaf);
    }
    const root = Buffer.from(tree.root());
    await sql.query(
      `INSERT INTO audit_checkpoints (size, root, frontier, settled_before, note)
       VALUES ($1, $2, $3, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, $4)`,
      [tree.size, root, tree.frontier(), note ?? signCheckpoint({ origin, size: tree.size, root }, key)],
    );
    await sql.query(`SELECT setval('audit_events_sequence_seq', 10000 + (SELECT max(sequence) FROM audit_events))`);
  });
}
interface Row {
  id: string;
  at: string;
  actor: string;
  action: string;
  subjectType: string;
  subjectId: string;
  projectId: string | null;
  data: Record<string, unknown>;
}
const log = async (): Promise<string[]> =>
  (
    await farm.owner.query<{ canonical: string }>(
      'SELECT e.canonical FROM audit_leaves l JOIN audit_events e ON e.sequence = l.event_sequence ORDER BY l.index',
    )
  ).map(({ canonical }) => canonical);
const changed = (canonical: string): string => {
  const event = JSON.parse(canonical) as Row;
  return JSON.stringify({ ...event, actor: 'user:nobody' });
};
const extra = (of: string): string => JSON.stringify({ ...(JSON.parse(of) as Row), id: randomUUID(), actor: 'user:x' });

/** One that the log knows of. */
async function newProject(): Promise<string> {
  const admin = await farm.addUser(['org_admin']);
  const { body } = await farm.call('createProject', admin.token, { body: { name: randomUUID(), profile: 'farm' } });
  return body.id;
}

/** Whose role the log knows of. */
async function newAuditor(of: string): Promise<TestPerson> {
  const [admin, person] = [await farm.addUser(['org_admin']), await farm.addUser()];
  const body = { userId: person.id, role: 'compliance_auditor' };
  await farm.call('grantMembership', admin.token, { params: { projectId: of }, body });
  return person;
}

beforeAll(async () => {
  farm = await TestCoordinator.start({ AUDIT_CHECKPOINT_SECONDS: '3600' });
  projectId = await newProject();
  auditor = await newAuditor(projectId);
  const writer = farm.app.get(AuditWriter);
  for (let n = 0; n < EVENTS; n += 1) {
    const data = { n };
    await writer.append(farm.owner, {
      actor: 'system',
      action: 'test.counted',
      subjectType: 'Test',
      subjectId: `${n}`,
      projectId,
      data,
    });
    // Several anchors on the way, as a running farm leaves them.
    if (n % 20 === 9) await farm.call('getAuditCheckpoint', auditor.token);
  }
  const { body } = await farm.call('getAuditCheckpoint', auditor.token);
  ({ origin, size } = parseCheckpoint(body.note));
  anchor = join(farm.config.DATA_DIR, 'audit', 'anchor');
  outside = await mkdtemp(join(tmpdir(), 'outside-'));
  await cp(anchor, outside, { recursive: true });
  key = createPrivateKey(await readFile(join(farm.config.DATA_DIR, 'audit', 'log-key.pem'), 'utf8'));
  for (const table of TABLES) await farm.owner.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
});
afterAll(async () => {
  await rm(outside, { recursive: true, force: true });
  await farm.stop();
});

describe('an honest log', () => {
  it('holds against what was kept outside, folder and single checkpoint', async () => {
    const lines = await exported();
    expect(await verified(lines, outside)).toMatchObject({ ok: true, faults: [], outsideSize: size });
    const note = join(outside, 'note');
    const { body } = await farm.call('getAuditCheckpoint', auditor.token);
    await writeFile(note, body.note);
    expect(await verified(await exported(), note)).toMatchObject({ ok: true, outsideSize: body.size });
    await rm(note);
  });

  it('shows hashes alone to whoever may not see the events, and still holds', async () => {
    const other = await newAuditor(await newProject());
    const found = await verified(await exported(other.token), outside);
    expect(found).toMatchObject({ ok: true, hidden: found.size - 2, events: 2 });
    expect((await exported(other.token)).join('')).not.toContain('test.counted');
  });

  it('is found cut off when lines are missing from the file', async () => {
    const lines = await exported();
    expect((await verified(lines.slice(0, 30), outside)).faults[0]).toMatchObject({ kind: 'format' });
    expect((await verified([...lines.slice(0, 20), ...lines.slice(21)], outside)).faults[0]).toMatchObject({
      index: 19,
    });
  });
});

describe('by the owner of the database, who holds the signing key', () => {
  let original: string[];
  beforeAll(async () => {
    original = await log();
  });
  /** The coordinator's own anchors would stop it at once; the outside copy alone is asked here. */
  const attack = async (events: readonly string[]): Promise<Verification> => {
    await rm(anchor, { recursive: true, force: true });
    await writeLog(events);
    return await verified(await exported(), outside);
  };
  const without = (at: number) => original.filter((_, index) => index !== at);
  const swapped = () =>
    original.map((event, index) => (index === BAD ? original[23] : index === 23 ? original[BAD] : event) ?? event);

  it.each([
    ['edit', () => original.map((event, index) => (index === BAD ? changed(event) : event)), BAD],
    ['delete', () => without(BAD), BAD],
    ['reorder', swapped, BAD],
    ['insert', () => [...original.slice(0, BAD), extra(original[0] ?? ''), ...original.slice(BAD)], BAD],
    ['truncate', () => original.slice(0, 30), 30],
    [
      'fork',
      () => [...original.slice(0, 20), ...original.slice(20).map(changed), ...original.slice(0, 20).map(extra)],
      20,
    ],
    ['an old state with its own checkpoint', () => original.slice(0, 25), 25],
  ])('%s: found, the first bad entry named', async (_, events, index) => {
    const found = await attack(events());
    expect(found.ok).toBe(false);
    expect(found.faults[0]).toMatchObject({ kind: 'outside', index });
  });

  it.each([
    ['edit', () => original.map((event, index) => (index === BAD ? changed(event) : event)), BAD],
    ['delete', () => without(35), 35],
  ])('%s: with nothing but checkpoints outside, the entries between two of them are named', async (_, events, bad) => {
    const notes = join(farm.config.DATA_DIR, 'notes');
    await cp(join(outside, 'checkpoints'), notes);
    const sizes = (await readOutside(notes)).checkpoints.map((checkpoint) => checkpoint.size);
    await rm(anchor, { recursive: true, force: true });
    await writeLog(events());
    const found = await verified(await exported(), notes);
    const index = Math.max(...sizes.filter((one) => one <= bad));
    const before = Math.min(...sizes.filter((one) => one > bad));
    expect(found.faults[0]).toMatchObject({ kind: 'outside', index, before });
    expect(before - index).toBeLessThan(size / 2);
  });

  it('an old export shown again: shorter than what was vouched for', async () => {
    await rm(anchor, { recursive: true, force: true });
    await writeLog(original.slice(0, 25));
    const old = (await exported()).filter((line) => !line.includes('audit.exported'));
    const faults = (await verified(old, outside)).faults.map(({ index }) => index);
    expect(faults).toContain(25);
  });

  it('another key: the outside checkpoint is not of this log', async () => {
    await attack(original);
    const lines = await exported();
    const head = JSON.parse(lines[0] ?? '') as { checkpoint: string };
    head.checkpoint = head.checkpoint.replace(/[A-Za-z0-9+/]{8}=*\n$/, 'AAAAAAAA\n');
    const found = await verified([JSON.stringify(head), ...lines.slice(1)], outside);
    expect(found.faults[0]).toMatchObject({ kind: 'signature' });
  });

  it.each([
    [
      'an event rewritten in place',
      'UPDATE audit_events SET canonical = replace(canonical, \'"system"\', \'"user:x"\') WHERE sequence = 18',
      'leaf',
    ],
    ['an event deleted, its leaf left', 'DELETE FROM audit_events WHERE sequence = 18', 'leaf'],
    ['a leaf deleted', 'DELETE FROM audit_leaves WHERE index = 17', 'gap'],
    ['a leaf rewritten', 'UPDATE audit_leaves SET hash = sha256(hash) WHERE index = 17', 'leaf'],
  ])('clumsily, %s: found without anything from outside', async (_, statement, kind) => {
    await rm(anchor, { recursive: true, force: true });
    await writeLog(original);
    await farm.owner.query(statement);
    const found = await verified(await exported());
    expect(found.faults.find((fault) => fault.index === BAD)?.kind).toBe(kind);
    expect(Math.min(...found.faults.map(({ index = Infinity }) => index))).toBe(BAD);
  });

  it('an event that never gets its place is told', async () => {
    await rm(anchor, { recursive: true, force: true });
    await writeLog(original);
    const at = new Date(Date.now() - 120_000);
    const event = { actor: 'system', action: 'test.lost', subjectType: 'Test', subjectId: '-', projectId, data: {} };
    const lines = await exported();
    await appendAuditEvent(farm.owner, event, at);
    const [{ canonical = '' } = {}] = await farm.owner.query<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE action = 'test.lost'`,
    );
    const pending = JSON.stringify({ kind: 'pending', event: canonical });
    expect((await verified([...lines.slice(0, -2), pending, ...lines.slice(-2)])).faults[0]).toMatchObject({
      kind: 'pending',
    });
    await farm.owner.query(`DELETE FROM audit_events WHERE action = 'test.lost'`);
  });
});

describe('a database behind its anchor', () => {
  it('gives no lease, says why, and adds nothing to the log', async () => {
    await rm(anchor, { recursive: true, force: true });
    const worker = await farm.addWorker();
    const body = { ordinal: 0, host: 'host', capabilities: CAPABILITIES };
    const { body: lane } = await farm.call('registerLane', worker.token, { body });
    const lease = async () =>
      farm.call('leaseTask', worker.token, { params: { laneId: lane.laneId }, body: { waitSeconds: 0 } });
    await writeLog((await log()).slice(0, 40));
    expect(await lease()).toMatchObject({ status: 200, body: { lease: null } });
    await cp(outside, anchor, { recursive: true });
    await farm.call('getAuditCheckpoint', auditor.token);
    expect(await lease()).toMatchObject({ status: 503, body: { error: { code: 'LOG_BEHIND_ANCHOR' } } });
    const { body: health } = await farm.call('health', undefined);
    expect(health).toMatchObject({ status: 'ok', leases: { given: false } });
    expect(health.leases.reason).toMatch(/vouches for \d+; the database is an older copy/);
    expect((await log()).length).toBe(40);
  });
});

const CAPABILITIES = {
  parityClass: { provider: 'cpu', precision: 'fp32', runtime: 'test', instructionSet: 'test', batch: 1 },
  kinds: ['render'],
  threads: 1,
  vramMiB: 0,
  packs: ['default'],
};
