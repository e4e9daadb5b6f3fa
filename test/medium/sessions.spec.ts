import type { SignedIn } from '@understudy/contracts';
import { hashTokenSecret } from '@understudy/db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../apps/coordinator/src/users/passwords.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

const PASSWORD = 'correct horse battery';
let farm: TestCoordinator;
beforeAll(async () => {
  farm = await TestCoordinator.start();
});
afterAll(() => farm.stop());

async function somebody(): Promise<TestPerson & { email: string }> {
  const person = await farm.addUser(['org_admin']);
  await farm.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [
    person.id,
    await hashPassword(PASSWORD),
  ]);
  return { ...person, email: `${person.id}@example.org` };
}
const signIn = (email: string, password: string) => farm.send('POST', '/api/v1/session', { body: { email, password } });
async function sessionOf(email: string): Promise<string> {
  const response = await signIn(email, PASSWORD);
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}
const withCookie = (
  cookie: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: unknown,
) => farm.send(method, path, { headers: { cookie, ...headers }, ...(body === undefined ? {} : { body }) });

describe('signing in', () => {
  it('gives a session in a cookie that scripts and other sites do not get', async () => {
    const { id, email } = await somebody();
    const response = await signIn(email.toUpperCase(), PASSWORD);
    expect(await response.json()).toMatchObject({ userId: id, farmRoles: ['org_admin'] });
    expect(response.headers.getSetCookie()[0]).toMatch(/^understudy_session=uss_[\w-]+;.*HttpOnly; SameSite=Strict$/);
    const me = await withCookie(await sessionOf(email), 'GET', '/api/v1/me');
    expect(await me.json()).toMatchObject({ userId: id });
  });

  it('keeps argon2id hashes of passwords and SHA-256 hashes of secrets, nothing else', async () => {
    const { id, email } = await somebody();
    const secret = (await sessionOf(email)).split('=')[1] ?? '';
    const users = await farm.owner.query<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE id = $1', [
      id,
    ]);
    expect(users[0]?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const tokens = await farm.owner.query<{ row: string }>(
      'SELECT tokens::text AS row FROM tokens WHERE user_id = $1',
      [id],
    );
    const text = tokens.map(({ row }) => row).join('\n');
    expect(text).toContain(hashTokenSecret(secret));
    expect(text).not.toContain(secret.slice(4));
  });

  it('answers a wrong password and nobody alike, and audits both', async () => {
    const { id, email } = await somebody();
    const [wrong, nobody] = [await signIn(email, 'wrong'), await signIn('nobody@example.org', 'wrong')];
    expect([wrong.status, nobody.status]).toEqual([401, 401]);
    expect(await wrong.json()).toEqual(await nobody.json());
    const refused = (await farm.audit('session.refused')).map((event) => event.subjectId);
    expect(refused.slice(0, 2)).toEqual(['-', id]);
  });

  it('locks the account after five wrong passwords, in a row or at once, for the right one too', async () => {
    const { id, email } = await somebody();
    await Promise.all(Array.from({ length: 5 }, () => signIn(email, 'wrong')));
    expect((await signIn(email, PASSWORD)).status).toBe(401);
    await farm.owner.query(`UPDATE users SET locked_until = now() - interval '1 s' WHERE id = $1`, [id]);
    expect((await signIn(email, PASSWORD)).status).toBe(200);
  });

  it('starts counting anew after the right password', async () => {
    const { email } = await somebody();
    for (let round = 0; round < 2; round += 1) {
      for (let tries = 0; tries < 4; tries += 1) await signIn(email, 'wrong');
      expect((await signIn(email, PASSWORD)).status, `round ${round}`).toBe(200);
    }
  });

  it('does not let somebody disabled in, nor their sessions and tokens', async () => {
    const { id, email, token } = await somebody();
    const cookie = await sessionOf(email);
    await farm.owner.query('UPDATE users SET disabled_at = now() WHERE id = $1', [id]);
    expect((await signIn(email, PASSWORD)).status).toBe(401);
    expect((await withCookie(cookie, 'GET', '/api/v1/me')).status).toBe(401);
    expect((await farm.call('me', token)).status).toBe(401);
  });

  it('ends by signing out', async () => {
    const { email } = await somebody();
    const cookie = await sessionOf(email);
    const out = await withCookie(cookie, 'DELETE', '/api/v1/session', { 'x-understudy-request': '1' });
    expect(out.status).toBe(200);
    expect((await withCookie(cookie, 'GET', '/api/v1/me')).status).toBe(401);
  });

  it('ends when nobody uses it, which polling is not', async () => {
    const { id, email } = await somebody();
    const cookie = await sessionOf(email);
    const age = (minutes: number) =>
      farm.owner.query(`UPDATE tokens SET last_used_at = now() - make_interval(mins => $2) WHERE user_id = $1`, [
        id,
        minutes,
      ]);
    const me = async (headers: Record<string, string> = {}) =>
      (await withCookie(cookie, 'GET', '/api/v1/me', headers)).status;
    const minutesLeftAlone = async () => {
      const [row] = await farm.owner.query<{ minutes: number }>(
        `SELECT extract(epoch FROM now() - max(last_used_at))::int / 60 AS minutes FROM tokens
         WHERE user_id = $1 AND kind = 'session'`,
        [id],
      );
      return row?.minutes;
    };
    await age(29);
    expect(await me({ 'x-understudy-background': '1' })).toBe(200);
    expect(await minutesLeftAlone()).toBe(29);
    expect(await me()).toBe(200);
    expect(await minutesLeftAlone()).toBe(0);
    await age(31);
    expect(await me()).toBe(401);
  });

  it('ends after twelve hours, used or not', async () => {
    const { id, email } = await somebody();
    const cookie = await sessionOf(email);
    await farm.owner.query(`UPDATE tokens SET expires_at = expires_at - interval '12 hours' WHERE user_id = $1`, [id]);
    expect((await withCookie(cookie, 'GET', '/api/v1/me')).status).toBe(401);
  });

  it('is listed for its owner and ended by them, one or all', async () => {
    const { email, token } = await somebody();
    const [here, there, old] = [await sessionOf(email), await sessionOf(email), await sessionOf(email)];
    const own = { 'x-understudy-request': '1' };
    await withCookie(old, 'DELETE', '/api/v1/session', own);
    const list = async () => {
      const { items } = (await (await withCookie(here, 'GET', '/api/v1/tokens')).json()) as { items: SignedIn[] };
      return items.filter(({ kind }) => kind === 'session');
    };
    const listed = await list();
    expect(listed.map(({ current }) => current).toSorted()).toEqual([false, true]);
    const other = listed.find(({ current }) => !current)?.id ?? '';
    expect((await withCookie(here, 'DELETE', `/api/v1/tokens/${other}`, own)).status).toBe(200);
    expect((await withCookie(there, 'GET', '/api/v1/me')).status).toBe(401);
    const everywhere = await withCookie(here, 'DELETE', '/api/v1/sessions', own);
    expect(await everywhere.json()).toEqual({ ended: 2 });
    expect((await withCookie(here, 'GET', '/api/v1/me')).status).toBe(401);
    expect((await farm.call('me', token)).status).toBe(401);
  });

  it('ends, with every other and all tokens, when the password changes', async () => {
    const { email, token } = await somebody();
    const [here, there] = [await sessionOf(email), await sessionOf(email)];
    const change = (password: string) =>
      withCookie(
        here,
        'POST',
        '/api/v1/me/password',
        { 'x-understudy-request': '1' },
        {
          password,
          newPassword: 'a new horse battery',
        },
      );
    expect((await change('wrong')).status).toBe(422);
    expect((await withCookie(there, 'GET', '/api/v1/me')).status).toBe(200);
    expect((await change(PASSWORD)).status).toBe(200);
    for (const cookie of [here, there]) expect((await withCookie(cookie, 'GET', '/api/v1/me')).status).toBe(401);
    expect((await farm.call('me', token)).status).toBe(401);
    expect((await signIn(email, PASSWORD)).status).toBe(401);
    expect((await signIn(email, 'a new horse battery')).status).toBe(200);
  });

  it('takes a session from its cookie alone and a token from the header alone', async () => {
    const { email, token } = await somebody();
    const secret = (await sessionOf(email)).split('=')[1] ?? '';
    expect((await farm.call('me', secret)).status).toBe(401);
    expect((await withCookie(`understudy_session=${token}`, 'GET', '/api/v1/me')).status).toBe(401);
  });
});

describe('a change with the cookie', () => {
  const create = (cookie: string, headers: Record<string, string>) =>
    withCookie(cookie, 'POST', '/api/v1/tokens', headers, { name: 'of a browser' });

  it.each([
    ['nothing that shows where it comes from', {}, 403],
    ["another site's origin", { origin: 'https://evil.example' }, 403],
    ["another site's origin and our header", { origin: 'https://evil.example', 'x-understudy-request': '1' }, 403],
    ['an opaque origin', { origin: 'null' }, 403],
    ['our header', { 'x-understudy-request': '1' }, 200],
  ])('with %s', async (_, headers, status) => {
    expect((await create(await sessionOf((await somebody()).email), headers)).status).toBe(status);
  });

  it('with our own origin passes, and reading needs neither', async () => {
    const cookie = await sessionOf((await somebody()).email);
    expect((await create(cookie, { origin: farm.url })).status).toBe(200);
    expect((await withCookie(cookie, 'GET', '/api/v1/projects')).status).toBe(200);
  });
});

describe('API tokens', () => {
  it('are shown once, work, expire and are revoked by their owner alone', async () => {
    const { token } = await farm.addUser();
    const { body } = await farm.call('createToken', token, { body: { name: 'for scripts', validDays: 1 } });
    expect(body.secret).toMatch(/^us\w_[\w-]{43}$/);
    expect((await farm.call('me', body.secret)).status).toBe(200);
    const other = await farm.addUser();
    expect((await farm.call('revokeToken', other.token, { params: { tokenId: body.id } })).status).toBe(404);
    expect((await farm.call('me', body.secret)).status).toBe(200);
    expect((await farm.call('revokeToken', token, { params: { tokenId: body.id } })).status).toBe(200);
    expect((await farm.call('me', body.secret)).status).toBe(401);
  });

  it('stop at the moment they expire', async () => {
    const { id, token } = await farm.addUser();
    await farm.owner.query('UPDATE tokens SET expires_at = now() WHERE user_id = $1', [id]);
    expect((await farm.call('me', token)).status).toBe(401);
  });

  it('made with a token do not outlive it', async () => {
    const { id, token } = await farm.addUser();
    const { body } = await farm.call('createToken', token, { body: { name: 'child', validDays: 366 } });
    const [parent] = await farm.owner.query<{ at: Date }>(
      `SELECT min(expires_at) AS at FROM tokens WHERE user_id = $1 AND name = 'test'`,
      [id],
    );
    expect(body.expiresAt).toBe(parent?.at.toISOString());
  });

  it('lose a right the moment their owner does', async () => {
    const projectId = await farm.addProject();
    const member = await farm.addMember(projectId, 'producer');
    expect((await farm.call('listConsents', member.token)).status).toBe(200);
    await farm.owner.query('DELETE FROM memberships WHERE user_id = $1', [member.id]);
    expect((await farm.call('listConsents', member.token)).status).toBe(403);
  });
});
