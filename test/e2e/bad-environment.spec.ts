import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { basename, join } from 'node:path';
import { DEFAULT_PACK, ensureDefaultPack } from '@understudy/inference';
import { FIRST, THIRD, drawPortrait, pngOf } from '@understudy/sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descendants, isAlive } from './processes.js';
import { type Finished, makeFolder, start, understudy } from './understudy.js';

/** Enough for a farm to start and for a log to say why it stops, not for the shot's files. */
const LITTLE_ROOM = 256 * 1024;

/** What a person is told when not their files but the machine is at fault: the code, and that nothing stays behind. */
describe('a bad environment', () => {
  let dir: string;
  let remove: () => Promise<void>;
  const at = (name: string): string => join(dir, name);

  beforeAll(async () => {
    ({ dir, remove } = await makeFolder());
    writeFileSync(at('first.png'), await pngOf((await drawPortrait(FIRST)).picture));
    writeFileSync(at('identity.png'), await pngOf((await drawPortrait(THIRD)).picture));
    const frames = ['-loop', '1', '-i', at('first.png'), '-frames:v', '48', '-vf', 'scale=360:-2'];
    execFileSync('ffmpeg', ['-v', 'error', ...frames, '-pix_fmt', 'yuv420p', at('plate.mp4')]);
    const consent = await understudy([
      ...['consent', 'new', '--performer', 'stand-in', '--identity', at('identity.png')],
      ...['--plate-performer', 'lead', '--plate-identity', at('first.png')],
      ...['--project', 'local', '--operations', 'replace'],
    ]);
    writeFileSync(at('consent.json'), consent.stdout);
  });
  afterAll(() => remove());

  const renderOf = (out: string): string[] => [
    ...['render', '--target', at('plate.mp4'), '--identity', at('identity.png')],
    ...['--consent', at('consent.json'), '--shard-frames', '8', '--out', out, '--json'],
  ];

  function expectError(result: Finished, code: string, exit: number): void {
    expect(result.stderr.trim().split('\n').at(-1)).toMatch(new RegExp(`^error ${code}: .+`));
    expect(result.code).toBe(exit);
  }

  it('a busy port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const result = await understudy(['up', '--port', String(port), '--lanes', '0'], {
        env: { UNDERSTUDY_HOME: at('busy') },
      });
      expectError(result, 'PORT_BUSY', 6);
      expect(result.stderr).toContain(String(port));
    } finally {
      server.close();
    }
  });

  it('no ffmpeg', async () => {
    const bin = at('bin');
    mkdirSync(bin);
    for (const folder of ['/bin', '/usr/bin', '/usr/local/bin', '/sbin', '/usr/sbin']) {
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        if (!/^ff(mpeg|probe)$/.test(name) && !existsSync(join(bin, name)))
          symlinkSync(join(folder, name), join(bin, name));
      }
    }
    const result = await understudy(renderOf(at('out.mp4')), { env: { PATH: bin } });
    expectError(result, 'FFMPEG_MISSING', 6);
    expect(result.stderr).toMatch(/apt-get install .*ffmpeg/);
    expect(existsSync(at('out.mp4'))).toBe(false);
  });

  it('a database that cannot be reached', async () => {
    const result = await understudy(renderOf(at('out.mp4')), {
      env: { DATABASE_URL: 'postgresql://nobody:secret-word@127.0.0.1:9/none' },
    });
    expectError(result, 'DATABASE_UNAVAILABLE', 6);
    expect(result.stderr).not.toContain('secret-word');
    expect(existsSync(at('out.mp4'))).toBe(false);
  });

  it('Postgres stopped in the middle', async () => {
    const home = at('stopped');
    const running = start(renderOf(at('out.mp4')), { env: { UNDERSTUDY_HOME: home } });
    await running.said(/rendering/);
    const family = descendants(running.child.pid!);
    const postmaster = family.find(({ command }) => /postgres -D/.test(command) || /bin\/postgres /.test(command));
    process.kill(postmaster!.pid, 'SIGQUIT');
    expectError(await running.finished, 'DATABASE_UNAVAILABLE', 6);
    expect(existsSync(at('out.mp4'))).toBe(false);
    expect(readdirSync(join(home, 'runs'))).toEqual([]);
    expect(family.filter(({ pid }) => isAlive(pid))).toEqual([]);
  });

  it('a model file that is another one', async () => {
    const home = at('tampered');
    const pack = await ensureDefaultPack(home);
    const { file } = pack.manifest.models[0]!;
    writeFileSync(join(pack.folder, file), 'not the model');
    const result = await understudy(renderOf(at('out.mp4')), { env: { UNDERSTUDY_HOME: home } });
    expectError(result, 'MODEL_HASH_MISMATCH', 6);
    expect(result.stderr).toContain(file);
    expect(existsSync(at('out.mp4'))).toBe(false);
  });

  it('a worker with a wrong token', async () => {
    const port = await freePort();
    const farm = start(['up', '--port', String(port), '--lanes', '0'], { env: { UNDERSTUDY_HOME: at('token') } });
    try {
      await farm.said(/starting the coordinator/);
      await untilAnswers(port);
      const token = `usw_${'x'.repeat(43)}`;
      const args = ['worker', '--server', `http://127.0.0.1:${port}`, '--token', token];
      const result = await understudy(args, { env: { UNDERSTUDY_HOME: at('token-worker') } });
      expectError(result, 'UNAUTHENTICATED', 3);
      expect(result.stderr + result.stdout).not.toContain(token);
    } finally {
      farm.child.kill('SIGTERM');
      await farm.finished;
    }
  });

  it('a full disk where the result goes, and where the farm works', async (context) => {
    const small = at('small');
    mkdirSync(small);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=755', 'tmpfs', small], { stdio: 'ignore' });
    } catch {
      context.skip('only root can make a small file system');
    }
    try {
      expectError(await understudy(renderOf(join(small, 'out.mp4'))), 'DISK_FULL', 6);
      expect(readdirSync(small)).toEqual([]);
      execFileSync('mount', ['-o', 'remount,size=16m', small]);
      const home = join(small, 'home');
      cpSync((await ensureDefaultPack(at('models'))).folder, join(home, 'models', DEFAULT_PACK.id), {
        recursive: true,
      });
      const { bavail, bsize } = statfsSync(small);
      writeFileSync(join(small, 'filler'), Buffer.alloc(bavail * bsize - LITTLE_ROOM));
      expectError(await understudy(renderOf(at('out.mp4')), { env: { UNDERSTUDY_HOME: home } }), 'DISK_FULL', 6);
      expect(existsSync(at('out.mp4'))).toBe(false);
      expect(readdirSync(join(home, 'runs'))).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
    expect(readdirSync(dir).filter((name) => basename(name) === 'out.mp4')).toEqual([]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilAnswers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 240; attempt++) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/health`).catch(() => null);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('the farm did not answer in 60 s');
}
