import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signatureHeaders } from '../../apps/coordinator/src/webhooks/signature.js';
import { hashPassword } from '../../apps/coordinator/src/users/passwords.js';
import { ROOT } from '../e2e/understudy.js';
import { TestCoordinator } from '../medium/coordinator.js';

const PASSWORD = 'correct horse battery';
const SHOTS_DIR = join(ROOT, 'test-results');

/** A producer sets up who is told; it needs no lanes. */
describe('webhooks in the console', () => {
  let farm: TestCoordinator;
  let receiver: Server;
  let browser: Browser;
  let page: Page;
  let url: string;
  let secret: string;
  const received: { headers: Record<string, unknown>; body: string }[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS_DIR, { recursive: true });
    receiver = createServer(async (request, response) => {
      received.push({ headers: request.headers, body: await text(request) });
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    farm = await TestCoordinator.start({
      CONSOLE_DIR: join(ROOT, 'apps/admin/dist'),
      WEBHOOKS_TO_PRIVATE_HOSTS: 'true',
    });
    const producer = await farm.addMember(await farm.addProject(), 'producer');
    await farm.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [
      producer.id,
      await hashPassword(PASSWORD),
    ]);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage({ baseURL: farm.url, viewport: { width: 1280, height: 900 } });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto('/');
    await page.getByLabel('Email').fill(`${producer.id}@example.org`);
    await page.getByLabel('Password').first().fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Webhooks' }).click();
  });
  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
    receiver?.close();
  });

  it('are added, with the secret shown once', async () => {
    await page.getByText('Nobody outside is told anything.').waitFor();
    await page.getByRole('combobox', { name: 'Project' }).click();
    await page.getByRole('option').first().click();
    await page.getByLabel('Address').fill(url);
    await page.getByRole('button', { name: 'Add' }).click();
    secret = ((await page.getByTestId('webhook-secret').textContent()) ?? '').trim();
    expect(secret).toMatch(/^whsec_/);
    await page.getByTestId('webhook').getByText(url).waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-webhook-new.png'), fullPage: true });
    await page.reload();
    await page.getByTestId('webhook').waitFor();
    expect(await page.getByTestId('webhook-secret').count()).toBe(0);
  });

  it('are tried out: the receiver gets a signed ping, the page says what came of it', async () => {
    await page.getByRole('button', { name: 'Ping' }).click();
    await page.getByText('delivered', { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByText('webhook.ping').waitFor();
    expect(received).toHaveLength(1);
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    const at = new Date(Number(headers['webhook-timestamp']) * 1000);
    expect(headers).toMatchObject(signatureHeaders(secret, String(headers['webhook-id']), at, body));
    await page.screenshot({ path: join(SHOTS_DIR, 'console-webhook-deliveries.png'), fullPage: true });
  });

  it('are switched off, on and deleted', async () => {
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByText('Off since').waitFor();
    expect(await page.getByRole('button', { name: 'Ping' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByText('on', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete for good' }).click();
    await page.getByText('Nobody outside is told anything.').waitFor();
  });

  it('fit on a narrow screen', async () => {
    await farm.owner.query(
      `INSERT INTO webhooks (id, project_id, url, events, secret, created_by)
       SELECT gen_random_uuid(), project_id, 'https://hooks.example.org/' || repeat('long/', 30), '{shot.ready}', '', user_id
         FROM memberships`,
    );
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto('/webhooks');
    await page.getByTestId('webhook').waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-webhooks-narrow.png'), fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  });
});
