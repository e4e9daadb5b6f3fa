import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../apps/coordinator/src/platform/logger.js';
import { LOGGER } from '../../apps/coordinator/src/platform/tokens.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

let farm: TestCoordinator;
let one: TestPerson;
let two: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start({ ACCOUNTS: 'strict' });
  [one, two] = [await farm.addUser(['org_admin']), await farm.addUser(['org_admin'])];
  await farm.owner.query('UPDATE tokens SET second_factor = true');
});
afterAll(() => farm.stop());

const EMAIL = 'break-glass@understudy.invalid';
const ask = (who: TestPerson) => farm.call('askBreakGlass', who.token);
const seal = (who: TestPerson) => farm.call('sealBreakGlass', who.token);
const state = async () => (await farm.call('getBreakGlass', one.token)).body.state;

async function sealed(): Promise<string> {
  const [first, second] = [await ask(one), await seal(two)];
  return `${first.body.secret}-${second.body.secret}`;
}

async function signIn(password: string): Promise<{ status: number; cookie: string; code: string | undefined }> {
  const response = await farm.send('POST', '/api/v1/session', { body: { email: EMAIL, password } });
  const body = (await response.json()) as { error?: { code: string } };
  return {
    status: response.status,
    cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '',
    code: body.error?.code,
  };
}

const as = (cookie: string, method: string, path: string, body?: unknown) =>
  farm.json<Record<string, unknown>>(method, path, {
    headers: { cookie, 'x-understudy-request': '1' },
    ...(body === undefined ? {} : { body }),
  });

/** As the owner, past the database's own rule. */
const hourLater = () =>
  farm.owner.tampering.query(`
    ALTER TABLE break_glass DISABLE TRIGGER break_glass_by_two;
    UPDATE break_glass SET opened_at = now() - interval '61 minutes';
    ALTER TABLE break_glass ENABLE TRIGGER break_glass_by_two;`);

describe('the break-glass account', () => {
  it('is sealed by two org admins, neither of whom has the whole password', async () => {
    expect(await state()).toBe('none');
    expect((await seal(two)).body.error?.code).toBe('CONFLICT');
    const first = await ask(one);
    expect((await farm.call('getBreakGlass', two.token)).body).toEqual({
      state: 'none',
      openUntil: null,
      askedBy: one.id,
    });
    // What is in the table is in the log too, or verifying it would name the row.
    const [row] = await farm.owner.query<{ userId: string }>('SELECT user_id AS "userId" FROM break_glass');
    const isOfRow = ({ subjectId }: { subjectId: string }) => subjectId === row?.userId;
    expect((await farm.audit('user.created')).find(isOfRow)?.data).toEqual({ farmRoles: [] });
    expect((await seal(one)).body.error?.code).toBe('FORBIDDEN');
    const second = await seal(two);
    expect([first.body.half, second.body.half]).toEqual(['first', 'second']);
    expect((await farm.audit('user.roles_changed')).find(isOfRow)?.data).toMatchObject({ farmRoles: ['org_admin'] });
    expect(await state()).toBe('sealed');
    for (const half of [first.body.secret, second.body.secret]) expect((await signIn(half)).status).toBe(401);
    expect((await farm.audit('break_glass.sealed'))[0]).toMatchObject({
      actor: `user:${two.id}`,
      data: { askedBy: one.id },
    });
    // A new seal: the halves before it open nothing.
    await sealed();
    expect((await signIn(`${first.body.secret}-${second.body.secret}`)).status).toBe(401);
  });

  it('is opened aloud, acts under its own name, and everybody sees it', async () => {
    const password = await sealed();
    const logger = farm.app.get<ReturnType<typeof createLogger>>(LOGGER);
    const said: unknown[] = [];
    const { error } = logger;
    logger.error = ((fields: object, message: string) => void said.push([fields, message])) as typeof logger.error;
    try {
      const { status, cookie } = await signIn(password);
      expect(status).toBe(200);
      const [opened] = await farm.audit('break_glass.opened');
      expect(opened?.actor).toMatch(/^break-glass:/);
      expect(said).toContainEqual([{ actor: opened?.actor }, 'the break-glass account was opened']);
      expect((await farm.call('me', two.token)).body.breakGlassOpenUntil).toMatch(/Z$/);
      // Of an org admin, with no authenticator.
      const invitation = { email: 'after@example.org', name: 'After' };
      expect((await as(cookie, 'POST', '/api/v1/invitations', invitation)).status).toBe(200);
      expect((await farm.audit('invitation.made'))[0]?.actor).toBe(opened?.actor);
      expect(said).toContainEqual([
        { actor: opened?.actor, action: 'create', subject: 'Invitation' },
        'the break-glass account acts',
      ]);
    } finally {
      logger.error = error;
    }
  });

  it('has no tokens, keeps its password, does not seal itself, and is not the last org admin', async () => {
    const { cookie } = await signIn(await sealed());
    const forbidden = async (method: string, path: string, body: unknown) =>
      expect((await as(cookie, method, path, body)).status, path).toBe(403);
    await forbidden('POST', '/api/v1/tokens', { name: 'to stay', validDays: 300 });
    await forbidden('POST', '/api/v1/me/password', { password: 'x', newPassword: 'correct horse battery' });
    await forbidden('POST', '/api/v1/me/second-factor', { password: 'x' });
    await forbidden('POST', '/api/v1/break-glass/ask', undefined);
    await ask(one);
    await forbidden('POST', '/api/v1/break-glass/seal', undefined);
    const take = (userId: string) => as(cookie, 'POST', '/api/v1/roles/take', { userId, role: 'org_admin' });
    expect((await take(two.id)).status).toBe(200);
    expect((await take(one.id)).status).toBe(409);
    await farm.owner.query(`UPDATE users SET farm_roles = '{org_admin}' WHERE id = $1`, [two.id]);
  });

  it('ends after an hour, and opens no more until two have sealed it anew', async () => {
    const password = await sealed();
    const { cookie } = await signIn(password);
    // The same hour, another sign-in.
    expect((await signIn(password)).status).toBe(200);
    await hourLater();
    expect((await as(cookie, 'GET', '/api/v1/me')).status).toBe(401);
    expect(await signIn(password)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect(await state()).toBe('over');
    const next = await sealed();
    // What was open before does not come back with it.
    expect((await signIn(next)).status).toBe(200);
    expect((await as(cookie, 'GET', '/api/v1/me')).status).toBe(401);
  });

  it('is kept from nobody by wrong passwords, whose address is locked instead', async () => {
    const password = await sealed();
    for (let tries = 0; tries < 7; tries += 1) expect((await signIn('not this one')).status).toBe(401);
    expect((await signIn(password)).status).toBe(200);
  });

  it('lets nobody in by an invitation of its own once its hour is over', async () => {
    const { cookie } = await signIn(await sealed());
    const invite = async (email: string) =>
      String((await as(cookie, 'POST', '/api/v1/invitations', { email, name: 'Guest' })).body['secret']);
    const [early, late] = [await invite('early@example.org'), await invite('late@example.org')];
    const accept = (secret: string) =>
      farm.call('acceptInvitation', undefined, { body: { secret, password: 'correct horse battery' } });
    expect((await accept(early)).status).toBe(200);
    await hourLater();
    expect((await accept(late)).body.error?.code).toBe('CREDENTIALS_REFUSED');
  });

  it('is held to that by the database', async () => {
    await signIn(await sealed());
    await hourLater();
    const run = (sql: string, params: unknown[] = []) => farm.runtime.query(sql, params);
    for (const change of ['opened_at = now()', 'opened_at = NULL', 'opened_at = NULL, sealed_at = now()']) {
      await expect(run(`UPDATE break_glass SET ${change}`), change).rejects.toThrow(/two org admins/);
    }
    await expect(run('DELETE FROM break_glass')).rejects.toThrow(/stays one/);
    await ask(one);
    const renew = 'UPDATE break_glass SET opened_at = NULL, sealed_at = now(), asked_half = NULL, sealed_by = $1';
    for (const { id } of [one, await farm.addUser()]) {
      await expect(run(renew, [id])).rejects.toThrow(/two org admins/);
    }
    await expect(run(`${renew}, asked_by = $2`, [two.id, (await farm.addUser(['org_admin'])).id])).rejects.toThrow(
      /two org admins/,
    );
  });
});
