import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../apps/coordinator/src/users/passwords.js';
import { ROOT } from '../e2e/understudy.js';
import { TestCoordinator, type TestPerson } from '../medium/coordinator.js';

const PASSWORD = 'correct horse battery';
const SHOTS_DIR = join(ROOT, 'test-results');
const REASON = 'the film is delivered, its contract asks for it';

/** Two people end a project by clicking; it needs no lanes. */
describe('the end of a project in the console', () => {
  let farm: TestCoordinator;
  let browser: Browser;
  let projectId: string;
  let otherId: string;
  let producer: Page;
  let officer: Page;
  let auditor: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS_DIR, { recursive: true });
    farm = await TestCoordinator.start({ CONSOLE_DIR: join(ROOT, 'apps/admin/dist') });
    projectId = await farm.addProject();
    otherId = await farm.addProject();
    await farm.owner.query(`UPDATE projects SET name = 'Night Ferry' WHERE id = $1`, [projectId]);
    await farm.owner.query(`UPDATE projects SET name = 'Harbour' WHERE id = $1`, [otherId]);
    const people = await Promise.all(
      (['producer', 'consent_officer', 'compliance_auditor'] as const).map(async (role) => {
        const person = await farm.addMember(projectId, role);
        await farm.grant(otherId, person.id, role);
        return person;
      }),
    );
    // Something is sealed in it, so that there is a key.
    const token = people[0]?.token ?? '';
    const body = { projectId, kind: 'identity', sha256: 'a'.repeat(64), bytes: 100 };
    const { id } = (await farm.call('createAsset', token, { body })).body;
    await farm.send('PUT', `/api/v1/assets/${id}/content?offset=0`, { token, body: Buffer.alloc(50) });
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    [producer, officer, auditor] = (await Promise.all(people.map(signIn))) as [Page, Page, Page];
  });
  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  /** A browser of their own, at the list of projects. */
  async function signIn(person: TestPerson): Promise<Page> {
    await farm.owner.query('UPDATE users SET password_hash = $2 WHERE id = $1', [
      person.id,
      await hashPassword(PASSWORD),
    ]);
    const context = await browser.newContext({ baseURL: farm.url, viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto('/');
    await page.getByLabel('Email').fill(`${person.id}@example.org`);
    await page.getByLabel('Password').first().fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Projects' }).click();
    await page.getByTestId(`project-${projectId}`).waitFor();
    return page;
  }
  const row = (page: Page): Locator => page.getByTestId(`project-${projectId}`);
  const waiting = (page: Page): Locator => page.getByTestId('waiting-ends');
  const dialog = (page: Page): Locator => page.getByRole('dialog');
  /** Once it has faded in. */
  const shown = (page: Page): Promise<unknown> =>
    expect.poll(() => dialog(page).evaluate((element) => getComputedStyle(element).opacity)).toBe('1');
  const picture = (name: string): string => join(SHOTS_DIR, `console-project-${name}.png`);
  const standing = async (): Promise<unknown[]> => {
    const { body } = await farm.call('listKeyDestructions', (await farm.addUser(['org_admin'])).token);
    return body.items;
  };

  it('is asked for with the project’s name and a reason, by those who may', async () => {
    expect(existsSync(join(farm.config.DATA_DIR, 'keys', `${projectId}.key`))).toBe(true);
    expect(await auditor.getByRole('button', { name: 'End', exact: true }).count()).toBe(0);
    await row(producer).getByRole('button', { name: 'End', exact: true }).click();
    await dialog(producer).getByText('Nothing brings it back.').waitFor();
    const ask = dialog(producer).getByRole('button', { name: 'Ask for the end' });
    await dialog(producer).getByLabel('Reason').fill(REASON);
    await dialog(producer).getByLabel('Type the project').fill('Harbour');
    expect(await ask.isDisabled()).toBe(true);
    await dialog(producer).getByLabel('Type the project').fill('Night Ferry');
    await shown(producer);
    await producer.screenshot({ path: picture('ask') });
    await ask.click();
    await waiting(producer).getByText('by you').waitFor();
    await row(producer).getByText('end asked for').waitFor();
    // Nobody ends it alone, nor asks twice.
    expect(await producer.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    expect(await row(producer).getByRole('button').count()).toBe(0);
    expect(await standing()).toMatchObject([{ project: 'Night Ferry', reason: REASON, approvedAt: null }]);
  });

  it('is turned down with a reason, and asked for anew', async () => {
    await waiting(officer).getByRole('button', { name: 'Decline' }).click();
    await dialog(officer).getByLabel('Reason').fill('the trailer is not out');
    await dialog(officer).getByRole('button', { name: 'Confirm' }).click();
    await waiting(officer).waitFor({ state: 'detached' });
    expect(await standing()).toEqual([]);
    await row(producer).getByText('going on').waitFor();
    await row(producer).getByRole('button', { name: 'End', exact: true }).click();
    await dialog(producer).getByLabel('Reason').fill(REASON);
    await dialog(producer).getByLabel('Type the project').fill('Night Ferry');
    await dialog(producer).getByRole('button', { name: 'Ask for the end' }).click();
    await waiting(producer).waitFor();
  });

  it('is approved by another person, and certified', async () => {
    await waiting(officer).getByText(REASON).waitFor();
    await waiting(auditor).getByText(REASON).waitFor();
    expect(await waiting(auditor).getByRole('button').count()).toBe(0);
    await officer.screenshot({ path: picture('waiting'), fullPage: true });
    await waiting(officer).getByRole('button', { name: 'Approve' }).click();
    await dialog(officer).getByText('It happens at once.').waitFor();
    const destroy = dialog(officer).getByRole('button', { name: 'Destroy the key' });
    expect(await destroy.isDisabled()).toBe(true);
    await dialog(officer).getByLabel('Type the project').fill('Night Ferry');
    await shown(officer);
    await officer.screenshot({ path: picture('approve') });
    await destroy.click();
    for (const page of [officer, producer, auditor]) {
      await row(page).getByText('ended', { exact: true }).waitFor();
      await row(page).getByText('Deletion certified').waitFor({ timeout: 60_000 });
      expect(await row(page).getByRole('button').count()).toBe(0);
      expect(await waiting(page).count()).toBe(0);
    }
    await officer.screenshot({ path: picture('ended'), fullPage: true });
    expect(existsSync(join(farm.config.DATA_DIR, 'keys', `${projectId}.key`))).toBe(false);
    const [certificate] = await farm.audit('deletion.certified');
    expect(certificate).toMatchObject({ subjectId: projectId });
    const [line] = (await standing()) as { certifiedAt: string }[];
    const certified = row(auditor).getByText('Deletion certified').locator('time');
    expect(await certified.getAttribute('datetime')).toBe(line?.certifiedAt);
  });

  it('leaves nothing to begin in it, and the other project as it was', async () => {
    await producer.getByRole('link', { name: 'Webhooks' }).click();
    await producer.getByRole('combobox', { name: 'Project' }).click();
    expect(await producer.getByRole('option').allTextContents()).toEqual(['Harbour']);
    await expect(officer.getByTestId(`project-${otherId}`).textContent()).resolves.toContain('going on');
  });

  it('fits on a narrow screen', async () => {
    await auditor.setViewportSize({ width: 390, height: 800 });
    const overflow = await auditor.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  });

  it('waits for an org admin among the people too', async () => {
    const admin = await farm.addUser(['org_admin']);
    const asker = await farm.addMember(otherId, 'producer');
    const body = { project: 'Harbour', reason: REASON };
    await farm.call('askKeyDestruction', asker.token, { params: { projectId: otherId }, body });
    const page = await signIn(admin);
    await page.getByRole('link', { name: 'People' }).click();
    await waiting(page)
      .getByText(`by Person ${asker.id.slice(0, 8)}`)
      .waitFor();
    await page.screenshot({ path: picture('end-people'), fullPage: true });
    expect(await waiting(page).getByRole('button', { name: 'Approve' }).count()).toBe(1);
  });
});
