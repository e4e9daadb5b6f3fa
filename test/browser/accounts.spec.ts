import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../apps/coordinator/src/users/passwords.js';
import { codeOf, stepAt } from '../../apps/coordinator/src/users/totp.js';
import { ROOT } from '../e2e/understudy.js';
import { TestCoordinator, type TestPerson } from '../medium/coordinator.js';

const PASSWORD = 'correct horse battery';
const SHOTS_DIR = join(ROOT, 'test-results');

function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  );
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** What people do about accounts on a strict farm; it needs no lanes. */
describe('accounts in the console', () => {
  let farm: TestCoordinator;
  let browser: Browser;
  let page: Page;
  let admin: TestPerson;
  let second: TestPerson;
  let key: Buffer;
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS_DIR, { recursive: true });
    farm = await TestCoordinator.start({ ACCOUNTS: 'strict', CONSOLE_DIR: join(ROOT, 'apps/admin/dist') });
    admin = await farm.addUser(['org_admin', 'farm_operator']);
    second = await farm.addUser(['org_admin', 'farm_operator']);
    await farm.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [
      admin.id,
      await hashPassword(PASSWORD),
    ]);
    await farm.owner.query('UPDATE tokens SET second_factor = true');
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage({ baseURL: farm.url, viewport: { width: 1280, height: 900 } });
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  async function signIn(): Promise<void> {
    await page.goto('/');
    await page.getByLabel('Email').fill(`${admin.id}@example.org`);
    await page.getByLabel('Password').first().fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  it('enrol a second factor, with recovery codes that are shown once', async () => {
    await signIn();
    await page.getByRole('link', { name: 'Account' }).click();
    await page.getByText('This farm asks for one').waitFor();
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Enrol' }).click();
    key = fromBase32(((await page.getByTestId('second-factor-secret').textContent()) ?? '').replaceAll(' ', ''));
    await page.getByLabel('The code it shows').fill(codeOf(key, stepAt(new Date())));
    await page.getByRole('button', { name: 'Confirm' }).click();
    const codes = await page.getByTestId('recovery-codes').textContent();
    expect(codes?.trim().split('\n')).toHaveLength(10);
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('enrolled', { exact: true }).waitFor();
    await page.getByText('second factor', { exact: true }).first().waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-account.png'), fullPage: true });
  });

  it('sign in with its code', async () => {
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await signIn();
    // The present one is used up; one step early is near enough.
    await page.getByLabel('Code').fill(codeOf(key, stepAt(new Date()) + 1));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'People' }).waitFor();
  });

  it('are invited by a link that makes one account', async () => {
    await page.getByRole('link', { name: 'People' }).click();
    await page.getByLabel('Name').fill('Ben');
    await page.getByRole('textbox', { name: 'Email' }).fill('ben@example.org');
    await page.getByRole('button', { name: 'Invite' }).click();
    const link = (await page.locator('pre').textContent()) ?? '';
    const guest = await browser.newPage();
    await guest.goto(link);
    await guest.getByLabel('Password').first().fill(PASSWORD);
    await guest.getByRole('button', { name: 'Make my account' }).click();
    await guest.getByText('ben@example.org is there').waitFor();
    await guest.close();
    const [ben] = await farm.owner.query<{ by: string }>(
      `SELECT created_by AS by FROM users WHERE email = 'ben@example.org'`,
    );
    expect(ben?.by).toBe(admin.id);
  });

  it('get roles that another org admin asked for', async () => {
    const person = await farm.addUser();
    const asked = { params: { userId: person.id }, body: { role: 'farm_operator' } };
    expect((await farm.call('grantFarmRole', second.token, asked)).body.pending).toBe(true);
    await page.reload();
    await page.getByText('farm_operator on the whole farm').waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-people.png'), fullPage: true });
    await page.getByRole('button', { name: 'Approve' }).click();
    await expect
      .poll(async () => (await farm.call('me', person.token)).body.farmRoles, { timeout: 30_000 })
      .toEqual(['farm_operator']);
  });

  it('let a worker in that somebody else asked for, not one of their own', async () => {
    for (const [by, name] of [
      [second, 'rack 8'],
      [admin, 'rack 7'],
    ] as const) {
      expect((await farm.call('createWorker', by.token, { body: { name } })).body.pending).toBe(true);
    }
    await page.getByRole('link', { name: 'Workers' }).click();
    await page.getByText('asked for by you').waitFor();
    await page.getByRole('button', { name: 'Approve' }).click();
    await expect.poll(() => page.getByText('waits for approval').count(), { timeout: 30_000 }).toBe(1);
  });

  it('fit on a narrow screen', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    for (const path of ['/account', '/people', '/workers']) {
      await page.goto(path);
      await page.getByRole('heading', { level: 2 }).waitFor();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, path).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });
});
