import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import { Encoding, recipePreset } from '@understudy/contracts';
import { FIRST, THIRD, drawClip, drawPortrait, pngOf } from '@understudy/sample';
import { writeFile } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { party } from '../../apps/cli/src/commands/consent.js';
import { newConsentDocument } from '../../apps/cli/src/consent/document.js';
import { operatorKey } from '../../apps/cli/src/consent/operator-key.js';
import { type LocalFarm, OPERATOR_EMAIL, startLocalFarm } from '../../apps/cli/src/farm/local-farm.js';
import { createFaceReader } from '../../apps/cli/src/faces/face-reader.js';
import { localProject } from '../../apps/cli/src/job/local-project.js';
import { type ShotJob, type ShotJobContext, submitShot } from '../../apps/cli/src/job/shot-job.js';
import { readLocalFile } from '../../apps/cli/src/job/upload.js';
import { makeFolder, ROOT } from '../e2e/understudy.js';

const PASSWORD = 'a long enough password';
const FRAMES = 36;
const SHOTS_DIR = join(ROOT, 'test-results');

/** Chromium as root in a container: no sandbox, and nothing that wants the network. */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe('console', () => {
  let farm: LocalFarm;
  let browser: Browser;
  let page: Page;
  let submit: (name: string) => Promise<string>;
  let removeFolder: (() => Promise<void>) | undefined;
  const complaints: string[] = [];
  const silent = { phase: () => {}, update: () => {}, note: () => {}, end: () => {} };

  beforeAll(async () => {
    mkdirSync(SHOTS_DIR, { recursive: true });
    const config = readConfig();
    const signal = new AbortController().signal;
    farm = await startLocalFarm({
      config,
      lanes: 1,
      signal,
      onStep: () => {},
      operatorPasswordHash: await hash(PASSWORD),
    });
    const folder = await makeFolder();
    removeFolder = folder.remove;
    const { dir } = folder;
    const context: ShotJobContext = {
      client: farm.client,
      progress: silent,
      signal,
      readFace: createFaceReader(config.homeDir),
      projectOf: localProject,
    };
    const job = await makeJob(dir, config.homeDir);
    submit = async (name) => (await submitShot({ ...job, name }, context)).shot.id;
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_FLAGS });
    page = await browser.newPage({ baseURL: farm.baseUrl, viewport: { width: 1280, height: 900 } });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });

  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
    await removeFolder?.();
  });

  async function makeJob(dir: string, homeDir: string): Promise<ShotJob> {
    const plate = join(dir, 'plate.mp4');
    const person = { person: FIRST, x: 320, y: 170, unitPx: 56, performanceSeed: 3, pitchHz: 205, facing: 0 };
    await drawClip({ width: 640, height: 360, framesPerSecond: 24, frames: FRAMES, cast: [person], out: plate });
    const portraits = { identity: THIRD, lead: FIRST };
    for (const [name, who] of Object.entries(portraits)) {
      await writeFile(join(dir, `${name}.png`), await pngOf((await drawPortrait(who)).picture));
    }
    const parties = [
      await party('identity', 'stand-in', [join(dir, 'identity.png')], homeDir),
      await party('plate', 'lead', [join(dir, 'lead.png')], homeDir),
    ];
    const request = { project: 'browser', operations: ['replace' as const], parties, validDays: 1 };
    return {
      project: 'browser',
      name: '',
      plate: await readLocalFile(plate),
      recipe: recipePreset('replace'),
      casts: [{ identities: [await readLocalFile(join(dir, 'identity.png'))], plateFace: null }],
      keepFaces: [],
      consents: [newConsentDocument(request, await operatorKey(homeDir), new Date())],
      encoding: Encoding.parse({}),
      container: 'mp4',
      shardFrames: 6,
      leastShards: 1,
    };
  }

  it('lets nobody in with a wrong password', async () => {
    await page.goto('/');
    await page.getByLabel('Email').fill(OPERATOR_EMAIL);
    await page.getByLabel('Password').first().fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('UNAUTHENTICATED').waitFor();
    expect(await page.getByText('Shots').count()).toBe(0);
    // The browser itself notes every answer of 401.
    complaints.length = 0;
  });

  it('signs in and says what there is to do when there is nothing', async () => {
    await page.getByLabel('Password').first().fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('No shots yet').waitFor();
  });

  it('shows a shot live, from its stages to before and after', async () => {
    const shotId = await submit('sc010');
    await page.getByRole('link', { name: 'sc010' }).click();
    await page.waitForURL(`**/shots/${shotId}`);
    await page.locator('[data-state="rendering"]').first().waitFor({ timeout: 90_000 });
    const shards = page.getByRole('list', { name: 'Shards' }).first().getByRole('listitem');
    await expect.poll(() => shards.count()).toBe(6);
    await page.screenshot({ path: join(SHOTS_DIR, 'console-rendering.png'), fullPage: true });
    await page.locator('[data-state="ready"]').first().waitFor({ timeout: 120_000 });
    await expect.poll(() => page.locator('[role=listitem][data-state="accepted"]').count()).toBeGreaterThanOrEqual(6);
    for (const side of ['Plate', 'Result']) {
      const still = page.getByAltText(new RegExp(`^${side}, frame`));
      await expect
        .poll(() => still.evaluate((image) => (image as HTMLImageElement).naturalWidth), { timeout: 30_000 })
        .toBeGreaterThan(300);
    }
    await page.getByText('shot.submitted').waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-ready.png'), fullPage: true });
  });

  it('releases the delivery for a reason', async () => {
    await page.getByRole('button', { name: 'Release' }).click();
    await expect(page.getByRole('button', { name: 'Confirm' }).isDisabled()).resolves.toBe(true);
    await page.getByLabel('Reason').fill('seen and approved');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.locator('[data-state="released"]').first().waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await (await download).createReadStream()).readable).toBe(true);
  });

  it('cancels a running shot with a reason, which the events keep', async () => {
    const shotId = await submit('sc020');
    await page.goto(`/shots/${shotId}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Reason').fill('the client changed their mind');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.locator('[data-state="cancelled"]').first().waitFor();
    await page.getByText('the client changed their mind').first().waitFor();
    const shot = await farm.client.call('getShot', { params: { shotId } });
    expect(shot.state).toBe('cancelled');
  });

  it('lists consents and lanes', async () => {
    await page.getByRole('link', { name: 'Consents' }).click();
    await page.getByText('stand-in').first().waitFor();
    await page.getByRole('link', { name: 'Workers' }).click();
    await page
      .getByText(/idle|busy/)
      .first()
      .waitFor();
    await page.screenshot({ path: join(SHOTS_DIR, 'console-workers.png') });
  });

  it('works on a narrow screen', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto('/shots');
    await page.getByRole('link', { name: 'sc010' }).waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });

  it('signs out, and nothing is left to see', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    const noted = complaints.filter((text) => !text.includes('401'));
    expect(noted).toEqual([]);
  });
});
