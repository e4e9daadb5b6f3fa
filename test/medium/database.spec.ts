import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrapFarm, type Database, databaseFault, isUniqueViolation, openDatabase, type Sql } from '@understudy/db';
import { createTestDatabase, type TestDatabase } from './database.js';

let test: TestDatabase;
let owner: Database;
let runtime: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  owner = openDatabase(test.ownerUrl);
  runtime = openDatabase(test.runtimeUrl);
});
afterAll(async () => {
  await runtime.close();
  await owner.close();
  await test.drop();
});

const insertUser = `INSERT INTO users (id, name, email) VALUES ($1, 'Ada', $2)`;

describe('transactions', () => {
  it('shows Prisma and plain SQL the same uncommitted rows', async () => {
    const id = randomUUID();
    await runtime.transaction(async (tx) => {
      await tx.query(insertUser, [id, `${id}@example.org`]);
      expect(await tx.prisma.user.findUnique({ where: { id } })).toMatchObject({ name: 'Ada', farmRoles: [] });
      await tx.prisma.user.update({ where: { id }, data: { name: 'Grace' } });
      const rows = await tx.query<{ name: string }>('SELECT name FROM users WHERE id = $1', [id]);
      expect(rows).toEqual([{ name: 'Grace' }]);
    });
    expect(await runtime.prisma.user.count({ where: { id } })).toBe(1);
  });

  it('rolls both back when the work throws', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const fail = new Error('no');
    const failAfter = (id: string) => async (sql: Sql) => {
      await sql.query(insertUser, [id, `${id}@example.org`]);
      throw fail;
    };
    await expect(runtime.transaction(failAfter(one))).rejects.toBe(fail);
    await expect(runtime.hotTransaction(failAfter(two))).rejects.toBe(fail);
    expect(await runtime.prisma.user.count({ where: { id: { in: [one, two] } } })).toBe(0);
  });

  it('takes and gives the same types on both ways', async () => {
    const at = new Date('2026-05-01T10:00:00.123Z');
    const statement = `SELECT $1::uuid AS id, $2::jsonb AS json, $3::timestamptz AS at, $4::int8 AS big, $5::uuid[] AS ids,
      $6::bytea AS raw, $7::text AS missing`;
    const id = randomUUID();
    const raw = Buffer.from([1, 2, 255]);
    const params = [id, JSON.stringify({ a: [1] }), at, 9_007_199_254_740_993n, [id, id], raw, null];
    const row = { id, json: { a: [1] }, at, big: 9_007_199_254_740_993n, ids: [id, id], missing: null };
    const bySql = await runtime.hotTransaction(async (sql) => await sql.query<{ raw: Uint8Array }>(statement, params));
    const byPrisma = await runtime.transaction(async (tx) => await tx.query<{ raw: Uint8Array }>(statement, params));
    for (const [found] of [bySql, byPrisma]) {
      expect(found).toMatchObject(row);
      expect(Buffer.from(found!.raw)).toEqual(raw);
    }
  });
});

describe('faults', () => {
  it('names a broken unique rule alike for Prisma and plain SQL', async () => {
    const email = `${randomUUID()}@example.org`;
    await runtime.query(insertUser, [randomUUID(), email]);
    const thrown = await Promise.all(
      [
        runtime.query(insertUser, [randomUUID(), email]),
        runtime.prisma.user.create({ data: { id: randomUUID(), name: 'Ada', email } }),
        runtime.transaction(async (tx) => await tx.query(insertUser, [randomUUID(), email])),
      ].map((work) =>
        Promise.resolve(work).then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    );
    for (const error of thrown) {
      expect(databaseFault(error)).toMatchObject({ kind: 'unique' });
      expect(isUniqueViolation(error, 'email') || isUniqueViolation(error, 'users_email_key')).toBe(true);
      expect(isUniqueViolation(error, 'name')).toBe(false);
    }
  });

  it('says DATABASE_UNAVAILABLE when nobody answers', async () => {
    const nowhere = openDatabase('postgres://nobody:x@127.0.0.1:1/none');
    await expect(nowhere.query('SELECT 1')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await expect(nowhere.hotTransaction(async () => 1)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await expect(nowhere.transaction(async () => 1)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await nowhere.close();
  });

  it('gives a broken connection back as broken and works on', async () => {
    const broken = runtime.hotTransaction(async (sql) => {
      const [{ pid }] = (await sql.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
      await owner.query('SELECT pg_terminate_backend($1)', [pid]);
      await sql.query('SELECT 1');
    });
    await expect(broken).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await runtime.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('the runtime role', () => {
  const event = `INSERT INTO audit_events (id, at, actor, action, subject_type, subject_id, canonical, leaf_hash)
    VALUES ($1, now(), 'test', 'test.done', 'test', '1', '{}', '\\x00')`;

  it('appends to the audit log and does nothing else to it', async () => {
    await runtime.query(event, [randomUUID()]);
    expect(await runtime.query('SELECT 1 AS one FROM audit_events')).toEqual([{ one: 1 }]);
    for (const statement of [
      `UPDATE audit_events SET actor = 'somebody else'`,
      'DELETE FROM audit_events',
      'TRUNCATE audit_events',
      'ALTER TABLE audit_events DISABLE TRIGGER ALL',
      'CREATE TABLE mine (id int)',
      'SELECT * FROM _prisma_migrations',
    ]) {
      const error = await runtime.query(statement).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(databaseFault(error), statement).toEqual({ kind: 'privilege' });
    }
  });

  it('has the triggers behind its grants: even the owner is refused, under either replication role', async () => {
    await runtime.query(event, [randomUUID()]);
    for (const role of ['origin', 'replica']) {
      for (const statement of [
        `UPDATE audit_events SET actor = 'somebody else'`,
        'DELETE FROM audit_events',
        'TRUNCATE audit_events',
      ]) {
        const work = owner.hotTransaction(async (sql) => {
          await sql.query(`SET LOCAL session_replication_role = ${role}`);
          await sql.query(statement);
        });
        await expect(work, `${role}: ${statement}`).rejects.toThrow('append-only');
      }
    }
  });
});

describe('bootstrap', () => {
  it('makes the first person and worker, and gives new tokens when run again', async () => {
    const options = { user: { name: 'Ada', email: 'ada@example.org' }, worker: { name: 'one' } };
    const first = await bootstrapFarm(test.ownerUrl, options);
    const second = await bootstrapFarm(test.ownerUrl, options);
    expect(second).toMatchObject({ userId: first.userId, workerId: first.workerId });
    expect(new Set([first.userToken, first.workerToken, second.userToken, second.workerToken]).size).toBe(4);
    const user = await runtime.prisma.user.findUniqueOrThrow({
      where: { id: first.userId },
      include: { tokens: true },
    });
    expect(user.farmRoles).toEqual(['org_admin']);
    expect(user.tokens).toHaveLength(2);
    expect(JSON.stringify(user.tokens)).not.toContain(first.userToken);
  });
});
