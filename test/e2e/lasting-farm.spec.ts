import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Consent, Shot, ShotReport } from '@understudy/contracts';
import { FIRST, THIRD, drawPortrait, pngOf } from '@understudy/sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, type Running, makeFolder, start, understudy } from './understudy.js';

const PASSWORD = 'a-long-enough-password';

/**
 * A studio's day by the command line alone: an admin makes people and a project, a producer brings a consent and a shot,
 * the consent officer activates, somebody else than the producer releases.
 */
describe('a lasting farm', () => {
  let dir: string;
  let remove: () => Promise<void>;
  let farm: Running;
  let server: string;
  let adminPassword: string;
  let consents: Consent[];
  const at = (name: string): string => join(dir, name);
  /** Each person has a home of their own, as on a host of their own. */
  const as = (person: string, ...args: string[]): Promise<Finished> =>
    understudy(args, { env: { UNDERSTUDY_HOME: at(person) } });

  beforeAll(async () => {
    ({ dir, remove } = await makeFolder());
    writeFileSync(at('first.png'), await pngOf((await drawPortrait(FIRST)).picture));
    writeFileSync(at('identity.png'), await pngOf((await drawPortrait(THIRD)).picture));
    writeFileSync(at('signed.pdf'), 'the paper that both signed');
    const frames = ['-loop', '1', '-i', at('first.png'), '-frames:v', '24', '-vf', 'scale=360:-2'];
    execFileSync('ffmpeg', ['-v', 'error', ...frames, '-pix_fmt', 'yuv420p', at('plate.mp4')]);
    const port = await freePort();
    server = `http://127.0.0.1:${port}`;
    farm = start(['up', '--port', String(port), '--lanes', '1', '--admin-email', 'admin@studio.example'], {
      env: { UNDERSTUDY_HOME: at('farm') },
    });
    const out = await farm.printed(/sign in as \S+ with (\S+)/);
    adminPassword = out[1]!;
  });
  afterAll(async () => {
    farm.child.kill('SIGTERM');
    await farm.finished;
    await remove();
  });

  it('signs people in, and keeps their token to themselves', async () => {
    const admin = await logIn('admin', adminPassword);
    expect(admin.stderr).toBe('');
    expect(admin.stdout).toContain('signed in');
    expect(statSync(at('admin/sign-in.json')).mode & 0o777).toBe(0o600);
    expect((await logIn('stranger', 'not the password')).stderr).toMatch(/^error UNAUTHENTICATED: /m);
    expect(existsSync(at('stranger/sign-in.json'))).toBe(false);
    expect((await as('stranger', 'shots')).code).toBe(3);
    for (const person of ['producer', 'officer', 'second']) {
      const made = await typed('admin', PASSWORD, ['user', 'new', '--email', mail(person), '--name', person]);
      expect(made.stderr).toBe('');
    }
    expect((await as('admin', 'project', 'new', 'pilot')).stderr).toBe('');
    for (const [person, role] of [
      ['producer', 'producer'],
      ['officer', 'consent_officer'],
      ['second', 'producer'],
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
      ...['--project', 'pilot', '--operations', 'replace'],
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
    const submitted = await submit();
    expect(submitted.stderr).not.toMatch(/^error/m);
    const { id } = submitted.json<Shot>();
    const watched = await as('producer', 'watch', id, '--json');
    expect(watched.json<ShotReport>()).toMatchObject({ frames: 24, selfAttested: false, waivers: [] });
    const early = await as('producer', 'watch', id, '--out', at('early.mp4'));
    expect(early.code).not.toBe(0);
    expect(existsSync(at('early.mp4'))).toBe(false);
    expect((await as('second', 'release', id, '--reason', 'approved')).stderr).toBe('');
    const fetched = await as('producer', 'watch', id, '--out', at('out.mp4'), '--json');
    expect(fetched.json<ShotReport>().output).toMatchObject({ path: at('out.mp4'), frames: 24 });
    expect(statSync(at('out.mp4')).size).toBeGreaterThan(1000);
    expect((await as('producer', 'shots')).stdout).toContain(`${id}\tpilot/plate v1\treleased`);
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

  it('cancels with a reason', async () => {
    const { id } = (await submit('--shot', 'second take')).json<Shot>();
    expect((await as('producer', 'cancel', id)).code).toBe(2);
    expect((await as('producer', 'cancel', id, '--reason', 'wrong take')).stdout).toContain('second take is cancelled');
    expect((await as('producer', 'watch', id)).code).toBe(8);
    expect((await as('producer', 'cancel', 'not-an-id', '--reason', 'x')).code).toBe(2);
  });

  const mail = (person: string): string => `${person}@studio.example`;
  const logIn = (person: string, password: string): Promise<Finished> =>
    typed(person, password, ['login', '--server', server, '--email', mail(person)]);
  const submit = (...more: string[]): Promise<Finished> =>
    as(
      'producer',
      ...['submit', '--target', at('plate.mp4'), '--identity', at('identity.png'), '--project', 'pilot'],
      ...['--performer', 'ada', '--plate-performer', 'ben', '--json', ...more],
    );

  /** With a line on standard input. */
  async function typed(person: string, line: string, args: readonly string[]): Promise<Finished> {
    const running = start(args, { env: { UNDERSTUDY_HOME: at(person) }, input: `${line}\n` });
    return running.finished;
  }
});

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listening.once('listening', resolve));
  const { port } = listening.address() as AddressInfo;
  await new Promise((resolve) => listening.close(resolve));
  return port;
}
