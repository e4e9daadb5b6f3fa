import { createHash, createPrivateKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CONTENT_ROUTES } from '@understudy/contracts';
import {
  anchorName,
  parseCheckpoint,
  readOutside,
  signCheckpoint,
  type Verification,
  verifyExport,
} from '@understudy/tlog';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogInclusion } from '../../apps/coordinator/src/audit/log-inclusion.js';
import { Sequencer } from '../../apps/coordinator/src/audit/sequencer.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { FakeBucket } from './fake-bucket.js';
import { addLane } from './line.js';

const REASON = { reason: 'restored after the disk was lost' };

let bucket: FakeBucket;
let dataDir: string;
let database: TestDatabase;
let farm: TestCoordinator;
let admin: TestPerson;
let auditor: TestPerson;

/** Of one data folder, which holds the log's key; nothing happens by timer unless a test says so. */
const settings = (): Record<string, string> => ({
  DATA_DIR: dataDir,
  SECRET_KEY: 'ab'.repeat(32),
  AUDIT_CHECKPOINT_SECONDS: '3600',
  AUDIT_ANCHOR_S3: `s3://${bucket.name}/farm/log`,
  AUDIT_ANCHOR_S3_ENDPOINT: bucket.endpoint,
  AUDIT_ANCHOR_S3_REGION: FakeBucket.region,
  AUDIT_ANCHOR_S3_ACCESS_KEY_ID: FakeBucket.credentials.accessKeyId,
  AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY: FakeBucket.credentials.secretAccessKey,
  AUDIT_ANCHOR_S3_RETENTION_DAYS: '400',
  AUDIT_ANCHOR_S3_SECONDS: '3600',
});
const start = async (others: Record<string, string> = {}): Promise<void> => {
  farm = await TestCoordinator.start({ ...settings(), ...others }, undefined, database);
};
const keysOf = (kind: 'checkpoints' | 'leaves', folder = 'farm/log'): string[] =>
  bucket.keys.filter((key) => key.startsWith(`${folder}/${kind}/`));
const newestSize = (folder?: string): number => Number(keysOf('checkpoints', folder).at(-1)?.slice(-16) ?? 0);
const anchoredNow = async (): Promise<number> => (await farm.call('getAuditCheckpoint', auditor.token)).body.size;
const lease = async () => {
  const lane = await addLane(farm);
  return farm.call('leaseTask', lane.worker.token, { params: { laneId: lane.id }, body: { waitSeconds: 0 } });
};
const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come to pass within 15 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
/** The whole database, file by file, as a backup has it. */
async function backup(): Promise<TestDatabase> {
  await farm.halt();
  const kept = await createTestDatabase({ of: database });
  await start();
  return kept;
}
async function restore(kept: TestDatabase): Promise<void> {
  await farm.halt();
  await database.drop();
  database = kept;
  await start();
}
/** As any client of S3 does that takes the newest of each name. */
async function download(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'downloaded-'));
  for (const [key, versions] of bucket.objects) {
    const body = versions.at(-1)?.body;
    const path = join(folder, key.slice('farm/log/'.length));
    await mkdir(dirname(path), { recursive: true });
    if (body) await writeFile(path, body);
  }
  return folder;
}
async function verified(path: string): Promise<Verification> {
  const response = await farm.send('GET', CONTENT_ROUTES.auditExport, { token: auditor.token });
  expect(response.status).toBe(200);
  return verifyExport((await response.text()).split('\n'), { outside: await readOutside(path) });
}

beforeEach(async () => {
  bucket = await FakeBucket.start();
  dataDir = await mkdtemp(join(tmpdir(), 'anchored-'));
  database = await createTestDatabase();
  await start();
  admin = await farm.addUser(['org_admin']);
  auditor = await farm.addUser();
  const { body: project } = await farm.call('createProject', admin.token, { body: { name: 'First' } });
  const granted = { userId: auditor.id, role: 'compliance_auditor' };
  await farm.call('grantMembership', admin.token, { params: { projectId: project.id }, body: granted });
});
afterEach(async () => {
  await farm.stop();
  await bucket.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('a log that is anchored in a bucket', () => {
  it('puts its checkpoints and leaves there, locked, and an export holds against what any client downloads', async () => {
    const first = await anchoredNow();
    await farm.call('createProject', admin.token, { body: { name: 'Second' } });
    const size = await anchoredNow();
    expect(size).toBeGreaterThan(first);
    expect(keysOf('checkpoints').slice(-2)).toEqual(
      [first, size].map((one) => `farm/log/checkpoints/${anchorName(one)}`),
    );
    expect(parseCheckpoint(bucket.original(keysOf('checkpoints').at(-1) ?? '').toString('utf8')).size).toBe(size);
    for (const [version] of bucket.objects.values()) expect(version?.mode).toBe('COMPLIANCE');
    const folder = await download();
    const found = await verified(folder);
    expect(found.faults).toEqual([]);
    expect(found.outsideSize).toBe(size);
    await farm.owner.tampering.query('ALTER TABLE audit_leaves DISABLE TRIGGER ALL');
    await farm.owner.tampering.query(`UPDATE audit_leaves SET hash = sha256('another') WHERE index = 1`);
    expect((await verified(folder)).faults).toContainEqual(expect.objectContaining({ kind: 'outside', index: 1 }));
    await rm(folder, { recursive: true, force: true });
  });

  it('goes on behind what was anchored before a start, by a coordinator beside it too', async () => {
    const first = await anchoredNow();
    await farm.halt();
    await start();
    const beside = farm;
    await start();
    await farm.call('createProject', admin.token, { body: { name: 'Second' } });
    const second = await anchoredNow();
    const third = (await beside.call('getAuditCheckpoint', auditor.token)).body.size;
    await farm.call('createProject', admin.token, { body: { name: 'Third' } });
    const both = await Promise.all([anchoredNow(), beside.call('getAuditCheckpoint', auditor.token)]);
    const last = Math.max(both[0], both[1].body.size);
    expect(third).toBeGreaterThanOrEqual(second);
    expect(newestSize()).toBe(last);
    expect((await verified(await download())).faults).toEqual([]);
    expect(keysOf('leaves').some((key) => key.endsWith(`-${anchorName(first)}`))).toBe(true);
    expect((await lease()).status).toBe(200);
    await beside.halt();
  });

  it('answers once an event is under a checkpoint in the bucket, not when it only has its place', async () => {
    const before = await anchoredNow();
    const { body } = await farm.call('createProject', admin.token, { body: { name: 'Second' } });
    await farm.app.get(Sequencer, { strict: false }).run();
    expect(newestSize()).toBe(before);
    await farm.app.get(LogInclusion, { strict: false }).wait('project.created', body.id);
    expect(newestSize()).toBeGreaterThan(before);
  });

  it('grows by timer, and no more often than its settings say', async () => {
    await farm.halt();
    await start({ AUDIT_CHECKPOINT_SECONDS: '0.1', AUDIT_ANCHOR_S3_SECONDS: '3600' });
    const settled = await anchoredNow();
    await farm.call('createProject', admin.token, { body: { name: 'Second' } });
    const asked = bucket.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(newestSize()).toBe(settled);
    expect(bucket.requests.length).toBe(asked);
    await farm.halt();
    await start({ AUDIT_CHECKPOINT_SECONDS: '0.1', AUDIT_ANCHOR_S3_SECONDS: '1' });
    await until(async () => newestSize() > settled);
  });
});

describe('a database restored behind its bucket', () => {
  let kept: TestDatabase;
  beforeEach(async () => {
    await anchoredNow();
    kept = await backup();
    await farm.call('createProject', admin.token, { body: { name: 'After the backup' } });
    await anchoredNow();
  });

  it('gives no lease', async () => {
    await restore(kept);
    expect(await lease()).toMatchObject({ status: 503, body: { error: { code: 'LOG_BEHIND_ANCHOR' } } });
    expect((await farm.call('health', undefined)).body.leases).toMatchObject({ given: false });
    expect((await farm.call('getRestore', auditor.token)).body.held).toMatch(/older copy/);
  });

  it('gives none either where whoever may write to the bucket hid or forged what is newer', async () => {
    const [older = '', ...newer] = keysOf('checkpoints');
    for (const key of newer) {
      expect(() => bucket.deleteVersion(key, bucket.objects.get(key)?.[0]?.id ?? '')).toThrow('AccessDenied');
      bucket.write(key, bucket.original(older));
      bucket.write(key, null);
    }
    await restore(kept);
    expect(await lease()).toMatchObject({ status: 503, body: { error: { code: 'LOG_BEHIND_ANCHOR' } } });
    expect((await farm.call('health', undefined)).body.leases.reason).toMatch(/older copy/);
  });

  it('goes on in a folder of its own once two people have said so, and what was anchored stays', async () => {
    const old = new Map(bucket.keys.map((key) => [key, bucket.original(key)]));
    await restore(kept);
    await farm.call('askRestore', admin.token, { body: REASON });
    const { status, body } = await farm.call('acceptRestore', auditor.token, { body: REASON });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.held).toBeNull();
    expect((await lease()).status).toBe(200);
    for (const [key, content] of old) expect(bucket.objects.get(key)).toMatchObject([{ body: content }]);
    const size = await anchoredNow();
    expect(newestSize('farm/log/restored-1')).toBe(size);
    const folder = await download();
    expect((await verified(folder)).faults).toEqual([]);
    const evidence = await verified(join(folder, 'checkpoints'));
    expect(evidence.faults).toContainEqual(expect.objectContaining({ kind: 'outside' }));
    await farm.halt();
    await start();
    expect((await lease()).status).toBe(200);
  });
});

describe('a log whose owner wrote it anew', () => {
  it('gives no lease, though it is as long as what was anchored and its forged checkpoint was put over the one that was', async () => {
    const size = await anchoredNow();
    const root = createHash('sha256').update('another').digest();
    const { origin } = parseCheckpoint(bucket.original(keysOf('checkpoints').at(-1) ?? '').toString('utf8'));
    const key = createPrivateKey(await readFile(join(dataDir, 'audit', 'log-key.pem')));
    bucket.write(keysOf('checkpoints').at(-1) ?? '', Buffer.from(signCheckpoint({ origin, size, root }, key)));
    await farm.owner.tampering.query('ALTER TABLE audit_checkpoints DISABLE TRIGGER ALL');
    await farm.owner.tampering.query(`UPDATE audit_checkpoints SET root = sha256('another')`);
    await farm.halt();
    await start();
    expect((await lease()).status).toBe(503);
    expect((await farm.call('getRestore', auditor.token)).body.held).toMatch(/another log/);
  });

  it('is not taken for anchored where something else was put in the place of its next checkpoint', async () => {
    const size = await anchoredNow();
    for (const next of Array.from({ length: 20 }, (_, at) => size + 1 + at)) {
      bucket.write(`farm/log/leaves/${anchorName(size)}-${anchorName(next)}`, Buffer.from('something else'));
    }
    await farm.call('createProject', admin.token, { body: { name: 'Second' } });
    const { status, body } = await farm.call('getAuditCheckpoint', auditor.token);
    expect(status).toBe(503);
    expect(body.error).toMatchObject({ code: 'BUCKET_UNAVAILABLE', message: expect.stringMatching(/something else/) });
  });
});

describe('a bucket that cannot be asked', () => {
  const health = async () => (await farm.call('health', undefined)).body.leases;
  const failures = async (): Promise<number> => {
    const operator = await farm.addUser(['farm_operator']);
    const text = await (await farm.send('GET', '/metrics', { token: operator.token })).text();
    return Number(/^understudy_audit_log_failures_total\{code="BUCKET_UNAVAILABLE"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };

  it('at the start: no lease is given until it has been compared, then by itself', async () => {
    await anchoredNow();
    await farm.halt();
    bucket.failing = { status: 503, code: 'SlowDown' };
    await start();
    expect(await lease()).toMatchObject({ status: 503, body: { error: { code: 'LOG_BEHIND_ANCHOR' } } });
    expect((await health()).reason).toMatch(/could not be read since the start.*503 SlowDown/);
    expect(await failures()).toBeGreaterThan(0);
    bucket.failing = null;
    await until(async () => (await health()).given);
    expect((await lease()).status).toBe(200);
  });

  it('while it runs: leases go on, and what waits for its anchor says so', async () => {
    await anchoredNow();
    bucket.failing = { status: 503, code: 'SlowDown' };
    expect((await lease()).status).toBe(200);
    const { body } = await farm.call('createProject', admin.token, { body: { name: 'Second' } });
    const waiting = farm.app.get(LogInclusion, { strict: false }).wait('project.created', body.id);
    await expect(waiting).rejects.toMatchObject({ code: 'BUCKET_UNAVAILABLE' });
    bucket.failing = null;
    await farm.app.get(LogInclusion, { strict: false }).wait('project.created', body.id);
    expect(newestSize()).toBe(await anchoredNow());
  });

  it('because it locks nothing: no lease is given, and it is said', async () => {
    await farm.halt();
    bucket.objectLock = false;
    await start();
    expect((await lease()).status).toBe(503);
    expect((await health()).reason).toMatch(/no object lock/);
    expect(JSON.stringify(await health())).not.toContain(FakeBucket.credentials.accessKeyId);
  });

  it('and a folder that cannot be read are alike', async () => {
    await farm.halt();
    const path = join(dataDir, 'no-folder');
    await writeFile(path, '');
    const none = Object.keys(settings()).filter((name) => name.startsWith('AUDIT_ANCHOR_S3'));
    await start({ ...Object.fromEntries(none.map((name) => [name, ''])), AUDIT_ANCHOR_DIR: path });
    expect((await lease()).status).toBe(503);
    expect((await health()).reason).toMatch(/could not be read since the start/);
    await rm(path);
    await until(async () => (await health()).given);
  });
});
