import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { FakeProvider, newKey, type Twist } from './fake-provider.js';
import { codeAt } from './authenticator.js';

let nowMs = Date.now();
const provider = new FakeProvider('understudy', 'a secret: of ours', () => new Date(nowMs));
let farm: TestCoordinator;
let admin: TestPerson;
beforeAll(async () => {
  await provider.start();
  farm = await TestCoordinator.start(
    {
      ACCOUNTS: 'strict',
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: provider.clientId,
      OIDC_CLIENT_SECRET: provider.clientSecret,
      OIDC_REDIRECT_URL: 'https://farm.example/sign-in/provider',
      OIDC_NAME: 'Studio',
      OIDC_SECOND_FACTOR: 'hwk, https://studio.example/two',
    },
    { now: () => new Date(nowMs) },
  );
  admin = await farm.addUser(['org_admin']);
  await farm.owner.query('UPDATE tokens SET second_factor = true');
});
afterAll(async () => {
  await farm.stop();
  await provider.stop();
});

interface Answer {
  readonly status: number;
  readonly cookies: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown> & { error?: { code: string } };
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  cookies: Record<string, string> = {},
): Promise<Answer> {
  const cookie = Object.entries(cookies).map((pair) => pair.join('='));
  const headers = { cookie: cookie.join('; '), 'x-understudy-request': '1' };
  const response = await farm.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
  const given = response.headers.getSetCookie().map((line) => line.split(';')[0]!.split('=') as [string, string]);
  return {
    status: response.status,
    cookies: Object.fromEntries(given),
    body: (await response.json()) as Answer['body'],
  };
}

const ROOT = '/api/v1/session/provider';
const start = (invitation?: string) => ask('POST', ROOT, invitation === undefined ? {} : { invitation });
const finish = (answer: object, cookies: Record<string, string>) => ask('POST', `${ROOT}/answer`, answer, cookies);
const me = (cookies: Record<string, string>) => ask('GET', '/api/v1/me', undefined, cookies);

/** The whole way: button, provider, back. */
async function signOn(subject: string, options: { claims?: object; invitation?: string; twist?: Twist } = {}) {
  const begun = await start(options.invitation);
  const answer = provider.authorize(String(begun.body['url']), subject, { ...options.claims });
  provider.twist = options.twist ?? {};
  return await finish(answer, begun.cookies);
}

const invite = async (): Promise<string> => {
  const body = { email: `${randomUUID()}@example.org`, name: 'Guest' };
  return (await farm.call('createInvitation', admin.token, { body })).body.secret;
};

/** Somebody who took up an invitation by the provider. */
async function member(claims: object = {}): Promise<{ subject: string; cookies: Record<string, string>; id: string }> {
  const subject = randomUUID();
  const { status, cookies, body } = await signOn(subject, { invitation: await invite(), claims });
  expect(status).toBe(200);
  return { subject, cookies, id: String(body['userId']) };
}

async function refusal({ status, body, cookies }: Answer): Promise<string> {
  expect({ status, code: body.error?.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
  expect(cookies).not.toHaveProperty('understudy_session');
  const [event] = await farm.audit('session.refused');
  return String((event?.data as { reason?: string } | undefined)?.reason);
}

describe('signing in with the provider', () => {
  it('is offered by its name, and lets in who took up an invitation with it', async () => {
    expect((await ask('GET', '/api/v1/session/options')).body).toEqual({ provider: { name: 'Studio' } });
    const { subject, id, cookies } = await member();
    expect((await me(cookies)).body).toMatchObject({ userId: id, hasPassword: false, email: expect.any(String) });
    const again = await signOn(subject);
    expect((await me(again.cookies)).body).toMatchObject({ userId: id });
    expect((await farm.audit('provider_account.bound'))[0]).toMatchObject({
      subjectId: id,
      data: { issuer: provider.issuer },
    });
  });

  it('lets in nobody who was not invited, whatever address of mail the provider names', async () => {
    const { email } = { email: `${admin.id}@example.org` };
    expect(await refusal(await signOn(randomUUID(), { claims: { email, email_verified: true } }))).toBe(
      'unknown_account',
    );
  });

  it('takes an invitation once, and one account of the provider for one account here', async () => {
    const invitation = await invite();
    const { status } = await signOn(randomUUID(), { invitation });
    expect(status).toBe(200);
    expect((await signOn(randomUUID(), { invitation })).body.error?.code).toBe('CREDENTIALS_REFUSED');
    const { subject, id } = await member();
    const second = await signOn(subject, { invitation: await invite() });
    expect(second.body.error?.code).toBe('CONFLICT');
    await expect(
      farm.runtime.query('UPDATE provider_accounts SET user_id = $2 WHERE user_id = $1', [id, admin.id]),
    ).rejects.toThrow(/stays bound/);
  });

  it('lets in nobody who was shut out here', async () => {
    const { subject, id } = await member();
    const body = { reason: 'left the studio' };
    expect((await farm.call('disableUser', admin.token, { params: { userId: id }, body })).status).toBe(200);
    expect(await refusal(await signOn(subject))).toBe('unknown_account');
  });
});

describe('what does not fit is refused', () => {
  const other = newKey('one');
  const strange = newKey('two');
  const s = (): number => Math.floor(nowMs / 1000);
  const twists: [string, Twist | (() => Twist), string][] = [
    ['a nonce of another sign-in', { claims: { nonce: 'other' } }, 'nonce'],
    ['no nonce', { claims: { nonce: undefined } }, 'nonce'],
    ['another audience', { claims: { aud: 'another-client' } }, 'audience'],
    ['several audiences and no authorised party', { claims: { aud: ['understudy', 'another'] } }, 'party'],
    ['another authorised party', { claims: { azp: 'another' } }, 'party'],
    ['another issuer', { claims: { iss: 'https://evil.example' } }, 'issuer'],
    ['no signature', { header: { alg: 'none' } }, 'algorithm'],
    ['a signature with the public key as a shared secret', { header: { alg: 'HS256' } }, 'algorithm'],
    ['another key under a known id', { key: other }, 'signature'],
    ['a key that the provider does not show', { key: strange }, 'key'],
    ['a token that ran out', () => ({ claims: { exp: s() - 61, iat: s() - 120 } }), 'time'],
    ['a token of the future', () => ({ claims: { iat: s() + 120 } }), 'time'],
    ['a token that was made long ago', () => ({ claims: { iat: s() - 700 } }), 'time'],
    ['a token that does not hold yet', () => ({ claims: { nbf: s() + 120 } }), 'time'],
    ['critical extensions', { header: { crit: ['exp'] } }, 'form'],
    ['nobody', { claims: { sub: '' } }, 'subject'],
  ];
  it.each(twists)('%s', async (_, given, reason) => {
    const { subject } = await member();
    const twist = typeof given === 'function' ? given() : given;
    expect(await refusal(await signOn(subject, { twist }))).toBe(reason);
  });

  it('a code that was used, an answer that was given, and the state of another browser', async () => {
    const { subject } = await member();
    const begun = await start();
    const answer = provider.authorize(String(begun.body['url']), subject);
    const elsewhere = await start();
    expect(await refusal(await finish(answer, elsewhere.cookies))).toBe('state');
    expect(await refusal(await finish(answer, {}))).toBe('state');
    expect((await finish(answer, begun.cookies)).status).toBe(200);
    expect(await refusal(await finish(answer, begun.cookies))).toBe('state');
    // The code of one sign-in in the answer to another: it is used up, and bound to the other's verifier besides.
    const replay = await start();
    const { state } = provider.authorize(String(replay.body['url']), subject);
    expect(await refusal(await finish({ ...answer, state }, replay.cookies))).toBe('code');
  });

  it('a code that was stolen from another sign-in before it was used', async () => {
    const { subject } = await member();
    const theirs = await start();
    const stolen = provider.authorize(String(theirs.body['url']), subject);
    const mine = await start();
    const { state } = provider.authorize(String(mine.body['url']), randomUUID());
    expect(await refusal(await finish({ ...stolen, state }, mine.cookies))).toBe('code');
  });

  it('an answer of another issuer, or of none where the provider always names itself', async () => {
    const { subject } = await member();
    for (const iss of ['https://evil.example', undefined]) {
      const begun = await start();
      const { code, state } = provider.authorize(String(begun.body['url']), subject);
      expect(await refusal(await finish({ code, state, iss }, begun.cookies))).toBe('mixed_up');
    }
  });

  it('an answer that comes too late', async () => {
    const { subject } = await member();
    const begun = await start();
    const answer = provider.authorize(String(begun.body['url']), subject);
    await farm.owner.query(`UPDATE single_sign_ons SET expires_at = now() - interval '1 second'`);
    expect(await refusal(await finish(answer, begun.cookies))).toBe('state');
  });
});

describe('keys of the provider', () => {
  it('may change without notice, and are not asked for at every turn', async () => {
    const { subject } = await member();
    nowMs += 31_000;
    provider.keys = [newKey('next')];
    const before = provider.asked.get('/keys') ?? 0;
    expect((await signOn(subject)).status).toBe(200);
    expect(provider.asked.get('/keys')).toBe(before + 1);
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await refusal(await signOn(subject, { twist: { key: newKey('made up') } }))).toBe('key');
    }
    expect(provider.asked.get('/keys')).toBe(before + 1);
  });
});

describe('a second factor', () => {
  const used = async (cookies: Record<string, string>) =>
    ((await me(cookies)).body['secondFactor'] as { used: boolean }).used;

  it("is the provider's where it vouches for one that the farm takes", async () => {
    const { subject, cookies } = await member();
    expect(await used(cookies)).toBe(false);
    expect(await used((await signOn(subject, { claims: { amr: ['pwd', 'hwk'] } })).cookies)).toBe(true);
    expect(await used((await signOn(subject, { claims: { acr: 'https://studio.example/two' } })).cookies)).toBe(true);
    expect(await used((await signOn(subject, { claims: { amr: ['sms'] } })).cookies)).toBe(false);
  });

  it('is enrolled without a password by who just signed in, and asked for from then on', async () => {
    const { subject, cookies } = await member();
    await farm.owner.query(`UPDATE tokens SET created_at = now() - interval '6 minutes' WHERE kind = 'session'`);
    const late = await ask('POST', '/api/v1/me/second-factor', {}, cookies);
    expect(late.body.error?.code).toBe('CREDENTIALS_REFUSED');
    const fresh = await signOn(subject);
    const begun = await ask('POST', '/api/v1/me/second-factor', {}, fresh.cookies);
    const secret = String(begun.body['secret']);
    const code = (): string => codeAt(secret, new Date((nowMs += 30_000)));
    expect((await ask('POST', '/api/v1/me/second-factor/confirm', { code: code() }, fresh.cookies)).status).toBe(200);

    const flow = await start();
    const waiting = await finish(provider.authorize(String(flow.body['url']), subject), flow.cookies);
    expect(waiting.body.error?.code).toBe('CODE_REQUIRED');
    expect(waiting.cookies).not.toHaveProperty('understudy_session');
    const prove = (given: string, by = flow.cookies) => ask('POST', `${ROOT}/code`, { code: given }, by);
    expect(await refusal(await prove('000000'))).toBe('second_factor');
    expect(await refusal(await prove(code(), (await start()).cookies))).toBe('state');
    const proved = await prove(code());
    expect(await used(proved.cookies)).toBe(true);
    expect(await refusal(await prove(code()))).toBe('state');
  });
});
