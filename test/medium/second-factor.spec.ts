import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../apps/coordinator/src/users/passwords.js';
import { codeAt, secretOf } from './authenticator.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

const PASSWORD = 'correct horse battery';
const OWN = { 'x-understudy-request': '1' };
let farm: TestCoordinator;
/** Codes are of the farm's clock; it goes on by whole steps. */
let nowMs = Date.now();
const nextStep = (): void => void (nowMs += 30_000);
beforeAll(async () => {
  farm = await TestCoordinator.start({ ACCOUNTS: 'strict', SIGN_IN_TRIES: '40' }, { now: () => new Date(nowMs) });
});
afterAll(() => farm.stop());

interface Person extends TestPerson {
  readonly email: string;
}

async function somebody(): Promise<Person> {
  const person = await farm.addUser(['org_admin']);
  const hash = await hashPassword(PASSWORD);
  await farm.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [person.id, hash]);
  return { ...person, email: `${person.id}@example.org` };
}

interface Answer {
  readonly status: number;
  readonly cookie: string;
  readonly body: Record<string, unknown> & { error?: { code: string } };
}

async function ask(method: string, path: string, body?: unknown, cookie?: string): Promise<Answer> {
  const headers = cookie === undefined ? {} : { cookie, ...OWN };
  const response = await farm.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
  const given = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  return { status: response.status, cookie: given, body: (await response.json()) as Answer['body'] };
}
const signIn = (email: string, code?: string, password = PASSWORD) =>
  ask('POST', '/api/v1/session', { email, password, ...(code === undefined ? {} : { code }) });
const me = (cookie: string) => ask('GET', '/api/v1/me', undefined, cookie);
const makeProject = (cookie: string) => ask('POST', '/api/v1/users', newcomer(), cookie);
let made = 0;
const newcomer = () => ({ name: 'New', email: `new${(made += 1)}@example.org`, password: PASSWORD });

const codeNow = (secret: string): string => codeAt(secret, new Date(nowMs));

interface Enrolled extends Person {
  readonly secret: string;
  readonly recoveryCodes: string[];
  /** As it was before, and as it is since. */
  readonly before: string;
  readonly cookie: string;
}

async function enrolled(): Promise<Enrolled> {
  const person = await somebody();
  const { cookie: before } = await signIn(person.email);
  const begun = await ask('POST', '/api/v1/me/second-factor', { password: PASSWORD }, before);
  const secret = String(begun.body['secret']);
  const confirmed = await ask('POST', '/api/v1/me/second-factor/confirm', { code: codeNow(secret) }, before);
  expect(confirmed.status).toBe(200);
  nextStep();
  const recoveryCodes = confirmed.body['recoveryCodes'] as string[];
  return { ...person, secret, recoveryCodes, before, cookie: confirmed.cookie };
}

describe('a second factor', () => {
  it('is wanted for what releases or grants, and for nothing else', async () => {
    const { email, token } = await somebody();
    const { cookie } = await signIn(email);
    expect((await me(cookie)).body['secondFactor']).toEqual({ enrolled: false, used: false, required: true });
    const refused = await makeProject(cookie);
    expect({ status: refused.status, code: refused.body.error?.code }).toEqual({
      status: 403,
      code: 'SECOND_FACTOR_REQUIRED',
    });
    expect((await farm.call('createUser', token, { body: newcomer() })).body.error?.code).toBe(
      'SECOND_FACTOR_REQUIRED',
    );
    expect((await ask('GET', '/api/v1/users', undefined, cookie)).status).toBe(200);
    const [denied] = await farm.audit('access.denied');
    expect(denied).toMatchObject({ subjectType: 'User', data: { code: 'SECOND_FACTOR_REQUIRED' } });
  });

  it('is enrolled with the password and a first code, under a new secret of the session', async () => {
    const { cookie, before, recoveryCodes } = await enrolled();
    expect(cookie).not.toBe(before);
    expect((await me(before)).status).toBe(401);
    expect((await me(cookie)).body['secondFactor']).toEqual({ enrolled: true, used: true, required: true });
    expect((await makeProject(cookie)).status).toBe(200);
    expect(new Set(recoveryCodes).size).toBe(10);
  });

  it('is not enrolled by an open session alone, nor by a wrong first code, which counts as a wrong password', async () => {
    const { email } = await somebody();
    const { cookie } = await signIn(email);
    const enrol = (password: string) => ask('POST', '/api/v1/me/second-factor', { password }, cookie);
    const confirm = (code: string) => ask('POST', '/api/v1/me/second-factor/confirm', { code }, cookie);
    expect((await confirm('123456')).body.error?.code).toBe('CONFLICT');
    expect((await enrol('not the password')).body.error?.code).toBe('CREDENTIALS_REFUSED');
    const { body } = await enrol(PASSWORD);
    const right = codeNow(String(body['secret']));
    const wrong = right === '123456' ? '123457' : '123456';
    for (let tries = 0; tries < 5; tries += 1) expect((await confirm(wrong)).status).toBe(422);
    // Locked by now, for the right code too.
    expect((await confirm(right)).status).toBe(422);
    expect((await me(cookie)).body['secondFactor']).toMatchObject({ enrolled: false });
  });

  it('is asked for at sign-in, once the password was right', async () => {
    const { email, secret } = await enrolled();
    expect((await signIn(email, undefined, 'not the password')).body.error?.code).toBe('UNAUTHENTICATED');
    const asked = await signIn(email);
    expect({ ...asked, body: asked.body.error?.code }).toEqual({ status: 401, cookie: '', body: 'CODE_REQUIRED' });
    const { cookie, status } = await signIn(email, codeNow(secret));
    expect(status).toBe(200);
    expect((await makeProject(cookie)).status).toBe(200);
  });

  it('takes no code twice, also at once, and none of an earlier step', async () => {
    const { email, secret } = await enrolled();
    nextStep();
    const earlier = codeNow(secret);
    nextStep();
    const code = codeNow(secret);
    const answers = await Promise.all([signIn(email, code), signIn(email, code), signIn(email, code)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401, 401]);
    expect((await signIn(email, earlier)).body.error?.code).toBe('UNAUTHENTICATED');
    nextStep();
    expect((await signIn(email, codeNow(secret))).status).toBe(200);
  });

  it('locks the account after five wrong codes; being asked for one is no try', async () => {
    const { email, secret } = await enrolled();
    for (let asked = 0; asked < 7; asked += 1) {
      expect((await signIn(email)).body.error?.code).toBe('CODE_REQUIRED');
    }
    for (let tries = 0; tries < 5; tries += 1) expect((await signIn(email, '00000x')).status).toBe(401);
    expect((await signIn(email, codeNow(secret))).body.error?.code).toBe('UNAUTHENTICATED');
    // Neither tells the locked account's password.
    expect((await signIn(email)).body.error?.code).toBe('UNAUTHENTICATED');
  });

  it('has recovery codes that count once each, however they are typed', async () => {
    const { id, email, recoveryCodes } = await enrolled();
    const [first = '', second = ''] = recoveryCodes;
    expect((await signIn(email, first)).status).toBe(200);
    expect((await signIn(email, first)).status).toBe(401);
    expect((await signIn(email, second.toUpperCase().replaceAll('-', ' '))).status).toBe(200);
    expect((await farm.audit('recovery_code.used'))[0]).toMatchObject({ actor: `user:${id}`, subjectId: id });
  });

  it('lies sealed in the database, its recovery codes as hashes', async () => {
    const { id, secret, recoveryCodes } = await enrolled();
    const rows = await farm.owner.query<{ row: string }>(
      `SELECT f::text AS row FROM second_factors f WHERE user_id = $1
       UNION ALL SELECT r::text FROM recovery_codes r WHERE user_id = $1`,
      [id],
    );
    const text = rows.map(({ row }) => row).join('\n');
    expect(rows).toHaveLength(11);
    expect(text).not.toContain(secretOf(secret).toString('hex'));
    expect(text).not.toContain(recoveryCodes[0]?.slice(0, 4));
    // Another's does not open for somebody else.
    const other = await enrolled();
    await farm.owner.query(
      `UPDATE second_factors SET sealed = (SELECT sealed FROM second_factors WHERE user_id = $2) WHERE user_id = $1`,
      [id, other.id],
    );
    expect((await signIn(`${id}@example.org`, codeNow(other.secret))).status).toBe(500);
  });

  it('is taken off with password and code, and then nothing counts as opened with it', async () => {
    const { email, secret, cookie } = await enrolled();
    const token = await ask('POST', '/api/v1/tokens', { name: 'child' }, cookie);
    const asChild = () => farm.call('createUser', String(token.body['secret']), { body: newcomer() });
    expect((await asChild()).status).toBe(200);
    const remove = (body: object) => ask('POST', '/api/v1/me/second-factor/remove', body, cookie);
    expect((await remove({ password: PASSWORD })).body.error?.code).toBe('CREDENTIALS_REFUSED');
    expect((await remove({ password: PASSWORD, code: codeNow(secret) })).status).toBe(200);
    expect((await asChild()).body.error?.code).toBe('SECOND_FACTOR_REQUIRED');
    expect((await makeProject(cookie)).body.error?.code).toBe('SECOND_FACTOR_REQUIRED');
    expect((await signIn(email)).status).toBe(200);
  });
});

describe('a token', () => {
  it('counts as its maker did when it was made', async () => {
    const { email } = await somebody();
    const { cookie } = await signIn(email);
    const { body } = await ask('POST', '/api/v1/tokens', { name: 'made before' }, cookie);
    const begun = await ask('POST', '/api/v1/me/second-factor', { password: PASSWORD }, cookie);
    const code = codeNow(String(begun.body['secret']));
    expect((await ask('POST', '/api/v1/me/second-factor/confirm', { code }, cookie)).status).toBe(200);
    const before = await farm.call('createUser', String(body['secret']), { body: newcomer() });
    expect(before.body.error?.code).toBe('SECOND_FACTOR_REQUIRED');
  });
});

describe('tries from one address', () => {
  it('run out over many accounts, and right ones cost none', async () => {
    const limited = await TestCoordinator.start({ SIGN_IN_TRIES: '3' });
    try {
      const person = await limited.addUser();
      const hash = await hashPassword(PASSWORD);
      await limited.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [person.id, hash]);
      const tryOne = async (email: string, password: string) =>
        (await limited.send('POST', '/api/v1/session', { body: { email, password } })).status;
      const right = () => tryOne(`${person.id}@example.org`, PASSWORD);
      for (let round = 0; round < 5; round += 1) expect(await right()).toBe(200);
      const wrong = await Promise.all(['a', 'b', 'c', 'd'].map((name) => tryOne(`${name}@example.org`, 'wrong')));
      expect(wrong.toSorted()).toEqual([401, 401, 401, 429]);
      expect(await right()).toBe(429);
    } finally {
      await limited.stop();
    }
  });
});
