import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../apps/coordinator/src/users/passwords.js';
import { ROOT } from '../e2e/understudy.js';
import { signed, statement } from '../medium/consent-documents.js';
import { TestCoordinator, type TestPerson } from '../medium/coordinator.js';
import { addShot, type ShotFixture } from '../medium/shot-fixture.js';

const PASSWORD = 'correct horse battery';
const SHOTS_DIR = join(ROOT, 'test-results');
const PHONE = { width: 390, height: 844 };

/** What a performer does on their own phone; it needs no lanes. */
describe("a performer's portal", () => {
  let farm: TestCoordinator;
  let browser: Browser;
  let page: Page;
  let shot: ShotFixture;
  let person: TestPerson;
  let consentId: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS_DIR, { recursive: true });
    farm = await TestCoordinator.start({ CONSOLE_DIR: join(ROOT, 'apps/admin/dist') });
    shot = await addShot(farm.owner, { state: 'ready' });
    await farm.owner.query(
      `INSERT INTO deliveries (id, shot_version_id, state, sha256, bytes, frames) VALUES ($1, $2, 'ready', $3, 5, 10)`,
      [randomUUID(), shot.shotVersionId, 'd'.repeat(64)],
    );
    person = await farm.addUser();
    await farm.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [
      person.id,
      await hashPassword(PASSWORD),
    ]);
    await farm.owner.query(
      `INSERT INTO performer_accounts (performer_id, user_id, invited_by)
       SELECT performer_id, $2, $3 FROM consents WHERE id = $1`,
      [shot.identityConsentId, person.id, randomUUID()],
    );
    consentId = await bringIn();
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage({ baseURL: farm.url, viewport: PHONE });
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  /** A second consent of theirs, which waits for their signature. */
  async function bringIn(): Promise<string> {
    const producer = await farm.addMember(shot.projectId, 'producer');
    const [{ name = '' } = {}] = await farm.owner.query<{ name: string }>(
      'SELECT f.name FROM performers f JOIN consents c ON c.performer_id = f.id WHERE c.id = $1',
      [shot.identityConsentId],
    );
    const scope = { shots: ['010', '020'], intendedUse: 'the flashback', prohibitedUses: ['advertising'] };
    const project = `Project ${shot.projectId}`;
    const document = signed(statement({ project, performer: name, changes: { level: 'L2' }, scope }));
    const params = { projectId: shot.projectId };
    const { body } = await farm.call('importConsent', producer.token, { params, body: document });
    return body.consents[0]?.id ?? '';
  }

  it('shows them their own consents in plain words, and nothing else of the farm', async () => {
    await page.goto('/');
    await page.getByLabel('Email').fill(`${person.id}@example.org`);
    await page.getByLabel('Password').first().fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('In every shot of').waitFor();
    await page.getByText('Never for: advertising.').waitFor();
    await page.getByTestId(`shot-${shot.shotVersionId}`).waitFor();
    const text = (await page.textContent('body')) ?? '';
    expect(text).not.toContain(`Shot ${shot.shotId}`);
    await page.getByRole('button', { name: 'Navigation' }).click();
    const places = await page.getByRole('navigation').getByRole('link').allTextContents();
    expect(places).toEqual(['Your consents', 'Account']);
    await page.getByRole('link', { name: 'Your consents' }).click();
  });

  it('lets them make a key in the browser and sign with it', async () => {
    await page.getByRole('button', { name: 'Make my key' }).click();
    await page.getByText('in this browser', { exact: true }).waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-portal.png'), fullPage: true });
    await page.getByTestId(`consent-${consentId}`).getByRole('button', { name: 'Sign with my key' }).click();
    await page.getByTestId(`consent-${consentId}`).getByText('waits for a consent officer').waitFor();
    const [row] = await farm.owner.query<{ state: string; level: string }>(
      'SELECT state::text, level::text FROM consents WHERE id = $1',
      [consentId],
    );
    expect(row).toEqual({ state: 'pending_review', level: 'L2' });
  });

  it('keeps the key over a reload, where no script can read its private half', async () => {
    await page.reload();
    await page.getByText('in this browser', { exact: true }).waitFor();
    const exported = await page.evaluate(async (userId) => {
      const opening = indexedDB.open('understudy-portal', 1);
      await new Promise((resolve) => (opening.onsuccess = resolve));
      const getting = opening.result.transaction('keys').objectStore('keys').get(userId);
      await new Promise((resolve) => (getting.onsuccess = resolve));
      const { privateKey } = getting.result as { privateKey: CryptoKey };
      return await crypto.subtle.exportKey('pkcs8', privateKey).then(
        () => 'exported',
        (error: unknown) => (error as Error).name,
      );
    }, person.id);
    expect(exported).toBe('InvalidAccessError');
  });

  it('revokes what they typed the word for', async () => {
    const card = page.getByTestId(`consent-${shot.identityConsentId}`);
    await card.getByRole('button', { name: 'Revoke' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('I want no more of it');
    const confirm = dialog.getByRole('button', { name: 'Revoke for good' });
    expect(await confirm.isDisabled()).toBe(true);
    await dialog.getByLabel('Type').fill('revoke');
    await page.screenshot({ path: join(SHOTS_DIR, 'console-portal-revoke.png') });
    await confirm.click();
    await card.getByText('revoked', { exact: true }).waitFor();
    await page.getByTestId(`shot-${shot.shotVersionId}`).getByText('revoked', { exact: true }).waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-portal-revoked.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });
});
