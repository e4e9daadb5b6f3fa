import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../e2e/understudy.js';
import { TestCoordinator, type TestPerson } from '../medium/coordinator.js';
import { FakeProvider } from '../medium/fake-provider.js';
import { newHostKey, openSession } from '../medium/worker-host.js';

const SHOTS_DIR = join(ROOT, 'test-results');

/** Ways in besides a password, on a strict farm; it needs no lanes. */
describe('ways in, in the console', () => {
  const provider = new FakeProvider('console', 'a secret', () => new Date());
  const [subject, claims] = ['studio|7', { amr: ['hwk'] }];
  let farm: TestCoordinator;
  let browser: Browser;
  let page: Page;
  let admin: TestPerson;
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS_DIR, { recursive: true });
    await provider.start();
    farm = await TestCoordinator.start({
      ACCOUNTS: 'strict',
      CONSOLE_DIR: join(ROOT, 'apps/admin/dist'),
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: provider.clientId,
      OIDC_CLIENT_SECRET: provider.clientSecret,
      OIDC_REDIRECT_URL: 'https://farm.example/sign-in/provider',
      OIDC_NAME: 'Studio',
      OIDC_SECOND_FACTOR: 'hwk',
    });
    admin = await farm.addUser(['org_admin', 'farm_operator']);
    await farm.owner.query('UPDATE tokens SET second_factor = true');
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage({ baseURL: farm.url, viewport: { width: 1280, height: 900 } });
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
    await provider.stop();
  });

  /** What somebody does at the provider, and the way back from there. */
  async function throughProvider(button: string): Promise<void> {
    await page.getByRole('button', { name: button }).click();
    await page.waitForURL(`${provider.issuer}/authorize**`);
    const answer = provider.authorize(page.url(), subject, claims);
    await page.goto(`${farm.url}/sign-in/provider?${new URLSearchParams(answer).toString()}`);
  }

  it('join and sign in with the provider', async () => {
    const body = { email: 'seven@studio.example', name: 'Seven' };
    const { secret } = (await farm.call('createInvitation', admin.token, { body })).body;
    await page.goto(`/join#${secret}`);
    await throughProvider('Join with Studio');
    await page.getByRole('link', { name: 'Seven' }).waitFor();
    const [user] = await farm.owner.query<{ id: string }>('SELECT id FROM users WHERE email = $1', [body.email]);
    await farm.owner.query(`UPDATE users SET farm_roles = '{org_admin,farm_operator}' WHERE id = $1`, [user?.id]);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in with Studio' }).waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-provider.png') });
    await throughProvider('Sign in with Studio');
    await page.getByRole('link', { name: 'Account' }).click();
    await page.getByText('second factor', { exact: true }).first().waitFor();
    expect(await page.getByText('Change password').count()).toBe(0);
  });

  it('approve a worker with the key that is on the screen', async () => {
    const made = await farm.call('createWorker', admin.token, { body: { name: 'rack 9' } });
    const key = newHostKey();
    await openSession(farm, made.body.secret, key);
    await page.getByRole('link', { name: 'Workers' }).click();
    await page.getByText(key.fingerprint.slice(0, 8)).waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-worker-key.png') });
    await page.getByRole('button', { name: 'Approve' }).click();
    await expect.poll(async () => (await openSession(farm, made.body.secret, key)).status).toBe(200);
  });

  it('seal the break-glass account, and see that it is open', async () => {
    await page.getByRole('link', { name: 'People' }).click();
    const first = (await farm.call('askBreakGlass', admin.token)).body.secret;
    await page.reload();
    await page.getByRole('button', { name: 'Seal it' }).click();
    const second = (await page.getByTestId('break-glass-half').textContent())?.trim() ?? '';
    const body = { email: 'break-glass@understudy.invalid', password: `${first}-${second}` };
    expect((await farm.send('POST', '/api/v1/session', { body })).status).toBe(200);
    await page.getByText('The break-glass account is open').waitFor({ timeout: 15_000 });
    await page.screenshot({ path: join(SHOTS_DIR, 'console-break-glass.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });
});
