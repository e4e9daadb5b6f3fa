import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { capabilities } from './shards-farm.js';
import { answerTo, type HostKey, newHostKey, openSession } from './worker-host.js';

let farm: TestCoordinator;
let operator: TestPerson;
let other: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start({ ACCOUNTS: 'strict' });
  operator = await farm.addUser(['farm_operator']);
  other = await farm.addUser(['org_admin']);
  await farm.owner.query('UPDATE tokens SET second_factor = true');
});
afterAll(() => farm.stop());

interface Joining {
  readonly id: string;
  /** Its right to join. */
  readonly token: string;
}

async function made(): Promise<Joining> {
  const { body } = await farm.call('createWorker', operator.token, { body: { name: `worker ${randomUUID()}` } });
  return { id: body.id, token: body.secret };
}

const approve = (by: TestPerson, { id }: Joining, keys: HostKey[]) =>
  farm.call('approveWorker', by.token, {
    params: { workerId: id },
    body: { fingerprints: keys.map(({ fingerprint }) => fingerprint) },
  });
const register = (token: string) =>
  farm.call('registerLane', token, { body: { ordinal: 0, host: 'host', capabilities: capabilities() } });
/** The word of it reaches each replica in a moment. */
const untilShutOut = (token: string) =>
  vi.waitFor(async () => expect((await register(token)).status).toBe(401), { timeout: 2_000 });
const keysOf = async ({ id }: Joining) =>
  (await farm.call('listWorkers', other.token, { query: { limit: '500' } })).body.items.find((one) => one.id === id)!
    .keys;

/** Let in with its key by two people. */
async function approved(): Promise<Joining & { key: HostKey; session: string }> {
  const [worker, key] = [await made(), newHostKey()];
  expect(await openSession(farm, worker.token, key)).toMatchObject({ status: 403, code: 'WORKER_NOT_APPROVED' });
  expect((await approve(other, worker, [key])).status).toBe(200);
  const { token: session } = await openSession(farm, worker.token, key);
  return { ...worker, key, session };
}

describe("a worker's key", () => {
  it('is shown, approved by another person, and opens what the lanes ask with', async () => {
    const [worker, key] = [await made(), newHostKey()];
    expect((await openSession(farm, worker.token, key)).code).toBe('WORKER_NOT_APPROVED');
    expect((await farm.audit('worker.key_shown'))[0]).toMatchObject({
      actor: `worker:${worker.id}`,
      data: { fingerprint: key.fingerprint, pending: true },
    });
    expect(await keysOf(worker)).toMatchObject([{ fingerprint: key.fingerprint, approvedAt: null }]);
    expect((await approve(operator, worker, [key])).status).toBe(403);
    // A key that was shown meanwhile is not what was looked at.
    expect((await approve(other, worker, [newHostKey()])).status).toBe(404);
    expect((await approve(other, worker, [key])).status).toBe(200);
    const { token, status } = await openSession(farm, worker.token, key);
    expect(status).toBe(200);
    expect((await register(token)).status).toBe(200);
    expect((await farm.audit('worker.approved'))[0]).toMatchObject({ data: { keys: [key.fingerprint] } });
    const rows = await farm.owner.query<{ minutes: number }>(
      `SELECT extract(epoch FROM expires_at - now()) / 60 AS minutes FROM tokens WHERE key_id IS NOT NULL AND worker_id = $1`,
      [worker.id],
    );
    expect(Number(rows[0]?.minutes)).toBeLessThan(15.1);
  });

  it('is asked for: the token alone, on whatever host, opens nothing, and the log has it', async () => {
    const worker = await approved();
    const stolen = await register(worker.token);
    expect({ status: stolen.status, code: stolen.body.error?.code }).toEqual({
      status: 403,
      code: 'WORKER_KEY_REQUIRED',
    });
    expect((await farm.audit('access.denied'))[0]).toMatchObject({
      actor: `worker:${worker.id}`,
      data: { code: 'WORKER_KEY_REQUIRED' },
    });
    const lease = { params: { laneId: randomUUID() }, body: { waitSeconds: 0 } };
    expect((await farm.call('leaseTask', worker.token, lease)).status).toBe(403);
  });

  it('of another host is refused until it is approved anew, and the first goes on meanwhile', async () => {
    const worker = await approved();
    const another = newHostKey();
    expect((await openSession(farm, worker.token, another)).code).toBe('WORKER_NOT_APPROVED');
    expect((await register(worker.session)).status).toBe(200);
    expect((await approve(other, worker, [])).body.error?.code).toBe('CONFLICT');
    expect((await approve(operator, worker, [another])).status).toBe(403);
    expect((await approve(other, worker, [another])).status).toBe(200);
    expect((await openSession(farm, worker.token, another)).status).toBe(200);
  });

  it('is approved neither by who made the worker nor by who asked for what it may see since', async () => {
    const worker = await approved();
    const projectId = await farm.addProject();
    const share = (by: TestPerson, projectIds: string[] | null) =>
      farm.call('tieWorker', by.token, { params: { workerId: worker.id }, body: { projectIds } });
    const second = await farm.addUser(['farm_operator']);
    await farm.owner.query('UPDATE tokens SET second_factor = true');
    await share(second, [projectId]);
    expect((await share(second, null)).body).toMatchObject({ pending: true });
    // The maker may be the second one for what it sees, and not for its key.
    const another = newHostKey();
    await openSession(farm, worker.token, another);
    expect((await approve(operator, worker, [another])).status).toBe(403);
    expect((await approve(operator, worker, [])).status).toBe(200);
    expect((await openSession(farm, worker.token, another)).code).toBe('WORKER_NOT_APPROVED');
    for (const by of [operator, second]) expect((await approve(by, worker, [another])).status).toBe(403);
    for (const by of [operator, second]) {
      const past = `UPDATE worker_keys SET approved_at = now(), approved_by = $2 WHERE worker_id = $1 AND approved_at IS NULL`;
      await expect(farm.runtime.query(past, [worker.id, by.id])).rejects.toThrow(/neither who made/);
    }
    expect((await approve(other, worker, [another])).status).toBe(200);
  });

  it('does not make room for any number of others', async () => {
    const worker = await made();
    for (let shown = 0; shown < 12; shown += 1) await openSession(farm, worker.token, newHostKey());
    expect(await keysOf(worker)).toHaveLength(10);
  });

  it('that is ended takes what it opened along, at once', async () => {
    const worker = await approved();
    expect((await register(worker.session)).status).toBe(200);
    const [key] = await keysOf(worker);
    const params = { workerId: worker.id, workerKeyId: key!.id };
    const body = { reason: 'the host was sold' };
    expect((await farm.call('endWorkerKey', operator.token, { params, body })).status).toBe(200);
    await untilShutOut(worker.session);
    expect((await openSession(farm, worker.token, worker.key)).code).toBe('FORBIDDEN');
    expect((await approve(other, worker, [worker.key])).status).toBe(404);
  });
});

describe('a challenge', () => {
  it('is answered once, in time, by the worker that asked, with its own key', async () => {
    const [worker, thief] = [await approved(), await approved()];
    const ask = async (token: string) => (await farm.call('challengeWorker', token)).body.challenge;
    const answer = (token: string, body: object) => farm.call('openWorkerSession', token, { body });
    const refused = async (token: string, body: object) =>
      expect((await answer(token, body)).body.error?.code).toBe('CREDENTIALS_REFUSED');

    const given = answerTo(await ask(worker.token), worker.key);
    expect((await answer(worker.token, given)).status).toBe(200);
    await refused(worker.token, given);
    await refused(thief.token, answerTo(await ask(worker.token), thief.key));
    await refused(worker.token, answerTo(randomUUID(), worker.key));
    // Signed for another challenge, or by another key than it names.
    const signed = answerTo(await ask(worker.token), worker.key);
    await refused(worker.token, { ...signed, challenge: await ask(worker.token) });
    const { signature } = answerTo(signed.challenge, thief.key);
    await refused(worker.token, { ...answerTo(await ask(worker.token), worker.key), signature });
    await refused(worker.token, { ...answerTo(await ask(worker.token), worker.key), publicKey: 'A'.repeat(43) });
    const late = answerTo(await ask(worker.token), worker.key);
    await farm.owner.query(`UPDATE worker_challenges SET expires_at = now() - interval '1 second'`);
    await refused(worker.token, late);
    expect((await farm.audit('worker.session_refused'))[0]).toMatchObject({ subjectId: worker.id });
  });

  it('is none of a key for which anybody can sign, nor of an ended key in another spelling', async () => {
    const worker = await approved();
    const ask = async () => (await farm.call('challengeWorker', worker.token)).body.challenge;
    const [point, zero] = [Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]), Buffer.alloc(32)];
    const open = (body: object) => farm.call('openWorkerSession', worker.token, { body });
    const signature = Buffer.concat([point, zero]).toString('base64url');
    const weak = await open({ challenge: await ask(), publicKey: point.toString('base64url'), signature });
    expect(weak.body.error?.code).toBe('CREDENTIALS_REFUSED');
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = letters.indexOf(worker.key.publicKey.at(-1)!);
    const publicKey = `${worker.key.publicKey.slice(0, -1)}${letters[last + 1]}`;
    const spelt = await open(answerTo(await ask(), { ...worker.key, publicKey }));
    expect(spelt.body.error?.code).toBe('INVALID_REQUEST');
    expect(await keysOf(worker)).toHaveLength(1);
  });

  it('is none for what a key opened: a stolen session makes no other', async () => {
    const { session } = await approved();
    expect((await farm.call('challengeWorker', session)).body.error?.code).toBe('WORKER_KEY_REQUIRED');
    await farm.owner.query(`UPDATE tokens SET expires_at = now() - interval '1 second' WHERE key_id IS NOT NULL`);
    await untilShutOut(session);
  });
});

describe('the database, past the service', () => {
  it('lets in no key by nobody, or by who asked for the worker, nor another under its name', async () => {
    const [worker, key] = [await made(), newHostKey()];
    await openSession(farm, worker.token, key);
    const run = (change: string, params: unknown[] = []) =>
      farm.runtime.query(`UPDATE worker_keys SET ${change} WHERE worker_id = $1`, [worker.id, ...params]);
    await expect(run('approved_at = now()')).rejects.toThrow(/let in by a person/);
    for (const by of [operator.id, randomUUID()]) {
      await expect(run('approved_at = now(), approved_by = $2', [by])).rejects.toThrow(/who approves a key/);
    }
    await expect(run('public_key = $2', [newHostKey().publicKey])).rejects.toThrow(/stays what it was/);
    await run('revoked_at = now()');
    await expect(run('revoked_at = NULL')).rejects.toThrow(/stays what it was/);
  });
});

describe("the setup's worker", () => {
  it('has the first key it shows, and no other without a person', async () => {
    const { id, token } = await farm.addWorker();
    const key = newHostKey();
    expect((await openSession(farm, token, key)).status).toBe(200);
    expect((await openSession(farm, token, newHostKey())).code).toBe('WORKER_NOT_APPROVED');
    expect((await openSession(farm, token, key)).status).toBe(200);
    expect((await farm.audit('worker.key_shown')).filter(({ subjectId }) => subjectId === id)).toHaveLength(2);
  });
});
