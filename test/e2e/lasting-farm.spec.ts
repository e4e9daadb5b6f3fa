import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Consent, RouteOutput, Shot, ShotReport } from '@understudy/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { columnsWith, filesWith } from './canary.js';
import { Listener } from './listener.js';
import { frameMd5s, picture } from './picture.js';
import { PASSWORD, Studio, mail } from './studio.js';
import { understudy } from './understudy.js';

/** Nobody but those who work on it is to read the first, nobody outside the plate's own file the second. */
const CODENAME = 'codename-4f1c-canary';
const IN_PLATE = 'plate-word-9ab2-canary';

/**
 * A studio's day by the command line alone: an admin makes people and a project, a producer brings a consent and a shot,
 * the consent officer activates, somebody else than the producer releases.
 */
describe('a lasting farm', () => {
  let studio: Studio;
  let consents: Consent[];
  let replacedReport: ShotReport;
  /** Who outside is told of shots, and of the farm's times. */
  let outside: Listener;
  const at: Studio['at'] = (name) => studio.at(name);
  const as: Studio['as'] = (...args) => studio.as(...args);
  const typed: Studio['typed'] = (...args) => studio.typed(...args);
  const logIn: Studio['logIn'] = (...args) => studio.logIn(...args);
  const submit: Studio['submit'] = (...args) => studio.submit(...args);
  const finished: Studio['finished'] = (...args) => studio.finished(...args);

  beforeAll(async () => {
    studio = await Studio.furnish(IN_PLATE);
    copyFileSync(at('plate.mp4'), at(`${CODENAME}.mp4`));
    outside = await Listener.open();
    await studio.open({ OTEL_EXPORTER_OTLP_ENDPOINT: outside.url, WEBHOOKS_TO_PRIVATE_HOSTS: 'true' });
  });
  afterAll(async () => {
    await studio.close();
    outside.close();
  });

  it('signs people in, and keeps their token to themselves', async () => {
    const admin = await logIn('admin', studio.adminPassword);
    expect(admin.stderr).toBe('');
    expect(admin.stdout).toContain('signed in');
    expect(statSync(at('admin/sign-in.json')).mode & 0o777).toBe(0o600);
    expect((await logIn('stranger', 'not the password')).stderr).toMatch(/^error UNAUTHENTICATED: /m);
    expect(existsSync(at('stranger/sign-in.json'))).toBe(false);
    expect((await as('stranger', 'shots')).code).toBe(3);
    for (const person of ['producer', 'officer', 'second', 'auditor']) {
      const made = await typed('admin', PASSWORD, ['user', 'new', '--email', mail(person), '--name', person]);
      expect(made.stderr).toBe('');
    }
    expect((await as('admin', 'project', 'new', 'pilot')).stderr).toBe('');
    for (const [person, role] of [
      ['producer', 'producer'],
      ['officer', 'consent_officer'],
      ['second', 'producer'],
      ['auditor', 'compliance_auditor'],
    ] as const) {
      expect((await as('admin', 'project', 'grant', 'pilot', mail(person), '--role', role)).stderr).toBe('');
      expect((await logIn(person, PASSWORD)).stderr).toBe('');
    }
    const me = (await as('producer', 'whoami', '--json')).json<{ memberships: unknown[] }>();
    expect(me.memberships).toMatchObject([{ project: 'pilot', role: 'producer' }]);
  });

  it('renders nothing before a consent officer has activated what the producer brought', async () => {
    const document = await as(
      'producer',
      ...['consent', 'new', '--performer', 'ada', '--identity', at('identity.png'), '--evidence', at('signed.pdf')],
      ...['--plate-performer', 'ben', '--plate-identity', at('first.png'), '--plate-evidence', at('signed.pdf')],
      ...['--project', 'pilot', '--operations', 'replace,restore'],
    );
    writeFileSync(at('consent.json'), document.stdout);
    const imported = await as('producer', 'consent', 'import', at('consent.json'), '--json');
    expect(imported.stderr).toBe('');
    ({ consents } = imported.json<{ consents: Consent[] }>());
    expect(consents.map(({ level, state }) => [level, state])).toEqual([
      ['L1', 'pending_review'],
      ['L1', 'pending_review'],
    ]);
    const early = await submit();
    expect(early.json<{ error: { code: string } }>().error.code).toBe('CONSENT_NOT_ACTIVE');
    expect(early.code).toBe(3);
    for (const { id } of consents) {
      const own = await as('producer', 'consent', 'activate', id, '--reason', 'my own');
      expect(own.code).toBe(3);
      const untold = await as('officer', 'consent', 'activate', id, '--reason', 'seen the paper');
      expect(untold.stderr).toContain('CONSENT_NOT_YET_VALID');
      const waived = ['--waive-notice', 'their counsel agreed to begin today'];
      const activated = await as('officer', 'consent', 'activate', id, '--reason', 'seen the paper', ...waived);
      expect(activated.stdout).toMatch(/\tactive$/m);
    }
  });

  it('submits, follows, releases and fetches a shot', async () => {
    expect((await as('producer', 'webhook', 'new', 'pilot', `${outside.url}/hook`)).stderr).toBe('');
    const submitted = await submit('--target', at(`${CODENAME}.mp4`));
    expect(submitted.stderr).not.toMatch(/^error/m);
    const { id } = submitted.json<Shot>();
    const watched = await as('producer', 'watch', id, '--json');
    replacedReport = watched.json<ShotReport>();
    expect(replacedReport).toMatchObject({ frames: 24, selfAttested: false, waivers: [] });
    const done = await as('producer', 'logs', id, '--grep', 'work done');
    expect(done.stdout).toMatch(
      /^shard 1 \[0, \d+\) attempt \d+ on .+, accepted$\n {2}\S+ info {2}work done frames=\d+/m,
    );
    expect((await as('officer', 'logs', id)).code).toBe(3);
    const early = await as('producer', 'watch', id, '--out', at('early.mp4'));
    expect(early.code).not.toBe(0);
    expect(existsSync(at('early.mp4'))).toBe(false);
    expect((await as('second', 'release', id, '--reason', 'approved')).stderr).toBe('');
    const fetched = await as('producer', 'watch', id, '--out', at('out.mp4'), '--json');
    expect(fetched.json<ShotReport>().output).toMatchObject({ path: at('out.mp4'), frames: 24 });
    expect(statSync(at('out.mp4')).size).toBeGreaterThan(1000);
    expect((await as('producer', 'shots')).stdout).toContain(`${id}\tpilot/${CODENAME} v1\treleased`);
  });

  it('takes its log out, which is checked without it and against itself', async () => {
    const log = at('log.ndjson');
    expect((await as('officer', 'audit', 'export', '--out', log)).stderr).toBe('');
    const verified = await understudy(['audit', 'verify', log, '--json']);
    expect(verified.json<{ ok: boolean; size: number }>()).toMatchObject({ ok: true });
    const lines = readFileSync(log, 'utf8').split('\n');
    const entry = lines.findIndex((line) => line.includes('consent.activated'));
    writeFileSync(log, lines.with(entry, lines[entry]!.replace('seen the paper', 'seen no paper')).join('\n'));
    const changed = await understudy(['audit', 'verify', log, '--json']);
    expect(changed.json<{ error: { code: string } }>().error.code).toBe('AUDIT_LOG_BROKEN');
    expect(changed.code).toBe(7);
    expect((await as('admin', 'audit', 'verify')).code).toBe(0);
    expect((await as('officer', 'audit', 'export', '--format', 'cef', '--out', at('log.cef'))).stderr).toBe('');
    expect(readFileSync(at('log.cef'), 'utf8')).toMatch(/^CEF:0\|/);
  });

  it('hands an assessor evidence, which a witness elsewhere vouches for', async () => {
    const looked = [
      'audit',
      'witness',
      '--key',
      at('witness.pem'),
      '--name',
      'witness.example/1',
      '--state',
      at('seen'),
    ];
    expect((await as('second', ...looked)).stdout).toMatch(/^cosigned \d+ entries$/m);
    const made = await as('auditor', 'audit', 'bundle', '--project', 'pilot', '--out', at('evidence.tar.gz'));
    expect(made.stdout).toMatch(/2 consents/);
    const again = await as('second', ...looked);
    const [, key = ''] = /^witness key: (\S+)$/m.exec(again.stdout) ?? [];
    const verify = ['audit', 'verify', at('evidence.tar.gz'), '--checkpoint', at('seen/checkpoints'), '--witness-key'];
    const verified = await understudy([...verify, key, '--json']);
    expect(verified.stderr).toBe('');
    expect(verified.json<{ ok: boolean; evidence: unknown }>()).toMatchObject({ ok: true, evidence: { consents: 2 } });
    const stranger = await understudy([...verify, key.replace('witness.example/1', 'witness.example/2')]);
    expect(stranger.code).toBe(2);
    const bytes = readFileSync(at('evidence.tar.gz'));
    writeFileSync(at('evidence.tar.gz'), bytes.subarray(0, bytes.length - 40));
    expect((await understudy([...verify, key])).code).not.toBe(0);
  });

  it('erases by two what somebody typed, and its log still holds', async () => {
    const about = ['--project', 'pilot', '--about', consents[0]?.id ?? '', '--reason', 'somebody was named'];
    const asked = await as('officer', 'audit', 'erase', ...about);
    const id = asked.stdout.split(':')[0] ?? '';
    expect((await as('officer', 'audit', 'approve-erasure', id)).code).toBe(3);
    expect((await as('admin', 'audit', 'erasures')).stdout).toContain(`${id}\t`);
    expect((await as('admin', 'audit', 'approve-erasure', id)).stdout).toMatch(
      /^values erased: [1-9]; their events stay$/m,
    );
    const verified = await as('auditor', 'audit', 'verify', '--json');
    expect(verified.stderr).toBe('');
    const found = verified.json<{ ok: boolean; erased: number }>();
    expect(found.ok).toBe(true);
    expect(found.erased).toBeGreaterThan(0);
    expect((await as('admin', 'audit', 'accept-restore')).stdout).toMatch(
      /^leases are given; the log has \d+ entries$/m,
    );
  });

  it('replaces and restores without any weights, within the bound on identity', async () => {
    const report = await finished('restored take', '--recipe', 'replace+restore', '--max-drift', '0.05');
    const [face] = report.faces;
    console.log(`identity ${face?.idToIdentityBefore} -> ${face?.idToIdentity}, landmarks ${face?.landmarkNme}`);
    expect((face?.idToIdentity ?? 0) - (face?.idToIdentityBefore ?? 0)).toBeGreaterThan(0.45);
    console.log(`restored: ${JSON.stringify(face?.restored)}`);
    expect(face?.restored?.meanAsked).toBeCloseTo(0.8, 9);
    expect(face?.restored?.worstDrift).toBeLessThanOrEqual(0.05);
    expect(replacedReport.faces[0]?.restored).toBeNull();
    const replaced = replacedReport.faces[0]?.idToIdentity ?? 0;
    expect(Math.abs((face?.idToIdentity ?? 0) - replaced)).toBeLessThan(0.05);
    await someFramesAnew(report.shot.id);
  });

  it("renders with a studio's own pack once a second person has approved it", async () => {
    const unknown = await submit('--swapper', 'ada_dfm');
    expect(unknown.json<{ error: { code: string } }>().error.code).toBe('PACK_UNKNOWN');
    const performers = (await as('producer', 'project', 'performers', 'pilot')).stdout;
    const idOf = (name: string): string => new RegExp(`^(\\S+)\\t${name}$`, 'm').exec(performers)?.[1] ?? '';
    const register = ['models', 'register', 'ada_dfm', '--performer'];
    expect((await as('admin', 'models', 'register', 'ada_dfm')).stderr).toMatch(
      /^error USAGE: ada_dfm is one performer/m,
    );
    expect((await as('admin', ...register, idOf('ada'))).stdout).toMatch(/waits for approval.*1 lane$/m);
    const early = await submit('--swapper', 'ada_dfm');
    expect(early.json<{ error: { code: string } }>().error.code).toBe('PACK_NOT_APPROVED');
    const approve = ['models', 'approve', 'ada_dfm', '1', '--reason', 'licence and source seen'];
    expect((await as('admin', ...approve)).stderr).toMatch(/^error FORBIDDEN/m);
    const account = ['user', 'new', '--email', mail('operator'), '--name', 'operator', '--farm-role', 'farm_operator'];
    expect((await typed('admin', PASSWORD, account)).stderr).toBe('');
    expect((await logIn('operator', PASSWORD)).stderr).toBe('');
    expect((await as('operator', ...approve)).stdout).toMatch(/^ada_dfm 1\tswapper\tdefault/m);
    // What the pack paints is looked for, so nothing of it is made to fit the plate.
    const painting = { swapper: { id: 'ada_dfm' }, colour: 'none', blend: 'alpha' };
    writeFileSync(at('painting.json'), JSON.stringify({ processors: [{ type: 'swap', settings: painting }] }));
    const asPainted = ['--recipe-file', at('painting.json'), '--lossless', '--container', 'mkv'];
    const report = await finished('painted take', ...asPainted);
    expect(report.frames).toBe(24);
    const [before, after] = [picture(at('plate.mp4')), picture(at('painted take.mkv'))];
    const face = { x: 180, y: Math.round(before.height * 0.5) };
    const [red = 0, green = 0, blue = 0] = after.at(face.x, face.y);
    console.log(`painted: ${red} ${green} ${blue}`);
    for (const [value, wanted] of [
      [red, 204],
      [green, 128],
      [blue, 51],
    ] as const) {
      expect(Math.abs(value - wanted)).toBeLessThan(6);
    }
    for (const [x, y] of [
      [4, 4],
      [355, 4],
      [4, before.height - 4],
    ] as const) {
      expect(after.at(x, y)).toEqual(before.at(x, y));
    }
  });

  it('renders nothing with a pack whose files were changed after its self-test', async () => {
    const path = at('farm/packs/ada_dfm/1/painter.dfm');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    rmSync(path);
    writeFileSync(path, bytes);
    // Another strength, so that the lane opens the pack anew.
    const swap = { type: 'swap', settings: { swapper: { id: 'ada_dfm' }, strength: 0.9 } };
    writeFileSync(at('recipe.json'), JSON.stringify({ processors: [swap] }));
    const submitted = await submit('--shot', 'tampered take', '--recipe-file', at('recipe.json'));
    const { id } = submitted.json<Shot>();
    // Another host's copy may be whole: the shot waits for one, and says what is wrong with this one's.
    const untilSaid = (...asked: string[]) =>
      vi.waitUntil(async () => (await as('producer', ...asked)).stdout.includes('MODEL_HASH_MISMATCH'), {
        timeout: 120_000,
        interval: 1000,
      });
    await untilSaid('why', id);
    // What a lane wrote down comes a moment later.
    await untilSaid('logs', id, '--grep', 'attempt failed');
    expect((await as('producer', 'logs', id, '--grep', 'work done')).stdout).not.toContain('work done');
    expect((await as('producer', 'cancel', id, '--reason', 'its pack was changed')).stderr).toBe('');
  });

  it('cancels with a reason', async () => {
    const { id } = (await submit('--shot', 'second take')).json<Shot>();
    expect((await as('producer', 'cancel', id)).code).toBe(2);
    expect((await as('producer', 'cancel', id, '--reason', 'wrong take')).stdout).toContain('second take is cancelled');
    expect((await as('producer', 'watch', id)).code).toBe(8);
    expect((await as('producer', 'cancel', 'not-an-id', '--reason', 'x')).code).toBe(2);
  });

  it('takes the shots of a batch as one, which another joins', async () => {
    const join = (name: string) => submit('--shot', name, '--batch', 'night', '--pool', 'nobodys');
    const batch = (act: string, ...more: string[]) =>
      as('producer', 'batch', act, 'night', '--project', 'pilot', ...more);
    expect((await join('third take')).stderr).not.toMatch(/^error/m);
    expect((await batch('show')).stdout).toMatch(/^night: 1 \w+$/m);
    expect((await join('fourth take')).json<Shot>().batch?.name).toBe('night');
    expect((await as('producer', 'batch', 'list')).stdout).toContain('\tnight\t2 shots');
    expect((await batch('priority', '70', '--reason', 'first')).stdout).toBe('2 shots\n');
    expect((await batch('cancel', '--reason', 'wrong takes')).stdout).toBe('2 shots\n');
    const watched = await batch('watch');
    expect([watched.code, watched.stderr]).toEqual([8, expect.stringContaining('night: 2 cancelled')]);
    expect((await as('producer', 'batch', 'show', 'day', '--project', 'pilot')).code).toBe(2);
  });

  it('has a log that holds after all of it', async () => {
    const verified = await as('auditor', 'audit', 'verify');
    expect(verified.stderr).toBe('');
    expect(verified.code).toBe(0);
  });

  it('leaves neither the codename nor the plate in logs, metrics, webhooks, traces, scratch, core files or tables that need not have it', async () => {
    // Of the shot of that name each was told, by its id.
    const shotId = replacedReport.shot.id;
    for (const path of ['/hook', '/v1/traces']) {
      const heard = outside.heard.filter((one) => one.path === path).map(({ text }) => text);
      expect(heard.join('\n'), path).toContain(shotId);
      expect(heard.join('\n'), path).not.toMatch(/canary/);
    }
    const farmDir = at('farm/farm');
    const stored = await filesWith(farmDir, [CODENAME, IN_PLATE]);
    const plate = createHash('sha256')
      .update(readFileSync(at('plate.mp4')))
      .digest('hex');
    // What the lane fetched of the plate; nothing else: the store's own objects are sealed.
    expect(stored.filter((name) => !name.startsWith(`scratch/objects/${plate}`))).toEqual([]);
    expect(stored).not.toEqual([]);
    const sealed = readdirSync(join(farmDir, 'store/objects'), { recursive: true, encoding: 'utf8' });
    expect(sealed.some((name) => name.endsWith(`/${plate.slice(0, 2)}/${plate}`))).toBe(true);
    expect(await filesWith(farmDir, ['"msg":"listening"'])).toContain('coordinator.log');
    expect(await columnsWith(farmDir, [IN_PLATE])).toEqual([]);
    expect(await columnsWith(farmDir, [CODENAME])).toEqual(['shots.name']);
    const { token } = JSON.parse(readFileSync(at('operator/sign-in.json'), 'utf8')) as { token: string };
    const metrics = await fetch(`${studio.server}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).not.toMatch(/canary/);
    expect((await as('auditor', 'audit', 'export', '--out', at('all.ndjson'))).stderr).toBe('');
    expect(readFileSync(at('all.ndjson'), 'utf8')).not.toMatch(/canary/);
    const cores = readdirSync(farmDir, { recursive: true }).filter((name) => /(^|\/)core(\.\d+)?$/.test(String(name)));
    expect(cores).toEqual([]);
  });

  it('ends a project by two people, with all that it stored; its log still holds', async () => {
    const asked = await as('producer', 'project', 'destroy-key', 'pilot', '--reason', 'the film is out');
    const id = asked.stdout.split(':')[0] ?? '';
    const approve = ['project', 'approve-key-destruction', id];
    expect((await as('producer', ...approve)).code).toBe(3);
    const standing = async (): Promise<string> => (await as('auditor', 'project', 'key-destructions')).stdout;
    expect(await standing()).toContain(`${id}\tpilot\twaits for a second person\t`);
    expect((await as('officer', ...approve)).stdout).toMatch(/^the key of pilot is destroyed;/);
    const refused = await submit('--shot', 'fifth take');
    expect([refused.code, refused.json<{ error: { code: string } }>().error.code]).toEqual([
      7,
      'PROJECT_KEY_DESTROYED',
    ]);
    await vi.waitFor(async () => expect(await standing()).toContain(`${id}\tpilot\tcertified `), { timeout: 30_000 });
    const objects = join(at('farm/farm'), 'store/objects');
    const left = readdirSync(objects, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(left).toEqual([]);
    const verified = await as('auditor', 'audit', 'verify');
    expect([verified.stderr, verified.code]).toEqual(['', 0]);
  });

  /** Its first frame, with another strength; the frames of its other shards stay as they were, bit for bit. */
  async function someFramesAnew(id: string): Promise<void> {
    const replace = { type: 'replace', settings: { strength: 0.4 } };
    const recipe = { processors: [replace, { type: 'restore', settings: { maxDrift: 0.05 } }] };
    writeFileSync(at('weaker.json'), JSON.stringify(recipe));
    const frames = ['--frames', '0-0', '--recipe-file', at('weaker.json'), '--reason', 'too strong at the start'];
    const made = await as('producer', 'resubmit', id, ...frames, '--json');
    expect(made.stderr).toBe('');
    const { rendered, shards } = made.json<RouteOutput<'resubmitShot'>>();
    expect(rendered.startFrame).toBe(0);
    expect(shards.reused).toBeGreaterThan(0);
    expect((await as('producer', 'watch', id)).stderr).not.toMatch(/^error/m);
    expect((await as('second', 'release', id, '--reason', 'approved')).stderr).toBe('');
    expect((await as('producer', 'watch', id, '--out', at('anew.mp4'))).stderr).not.toMatch(/^error/m);
    const [before, after] = [frameMd5s(at('restored take.mp4')), frameMd5s(at('anew.mp4'))];
    expect(after).toHaveLength(24);
    expect(after.slice(rendered.endFrame)).toEqual(before.slice(rendered.endFrame));
    expect(after[0]).not.toBe(before[0]);
  }
});
