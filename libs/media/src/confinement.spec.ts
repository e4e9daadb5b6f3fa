import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { standIns, type StandIns } from '../test/stand-in.js';
import { confinedBy, confinement, FIRST_UID, nextUid, strictest, UID_COUNT } from './confinement.js';
import { HandedFiles } from './handed-files.js';
import { RunningTool, toolOutput } from './run-tool.js';

const found = confinement();
if (!found.hasOwnUser) console.warn('not root, or without its rights: what needs another user is skipped here');

let made: StandIns;
beforeAll(async () => {
  made = await standIns();
});
afterAll(() => made.remove());

/** What a decoder that does as the script says can find out. */
async function taken(script: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await toolOutput({ tool: 'ffmpeg', tools: await made.tools(script), args });
  return stdout.trimEnd().split('\n');
}

describe('the strictest confinement', () => {
  const [offline, ownUser, bound] = [
    { hasOwnUser: true, isOffline: true, isBound: true },
    { hasOwnUser: true, isOffline: false, isBound: true },
    { hasOwnUser: false, isOffline: false, isBound: true },
  ];

  it('is a user without a network, else a user, else no more rights than ours', () => {
    expect(strictest(true, () => true)).toEqual(offline);
    expect(strictest(true, ({ isOffline }) => !isOffline)).toEqual(ownUser);
    expect(strictest(true, ({ hasOwnUser }) => !hasOwnUser)).toEqual(bound);
    expect(strictest(false, () => true)).toEqual(bound);
    expect(strictest(true, () => false)).toEqual({ hasOwnUser: false, isOffline: false, isBound: false });
  });

  it('gives runs at a time users of their own, none of which has an account', async () => {
    const uids = Array.from({ length: UID_COUNT }, nextUid);
    expect(new Set(uids).size).toBe(UID_COUNT);
    expect(Math.min(...uids)).toBe(FIRST_UID);
    const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => Number(line.split(':')[2]));
    expect(accounts.filter((uid) => uids.includes(uid))).toEqual([]);
  });
});

describe('a decoder that was taken over', () => {
  it('finds no secret in its environment', async () => {
    vi.stubEnv('DATABASE_URL', 'postgresql://owner:secret@db/understudy');
    vi.stubEnv('SECRET_KEY', 'a secret');
    const names = (await taken('env')).map((line) => line.split('=')[0]);
    vi.unstubAllEnvs();
    expect(names.sort()).toEqual(['AV_LOG_FORCE_NOCOLOR', 'LC_ALL', 'PATH', 'PWD']);
  });

  it('can write no file unless it was handed one to write', async () => {
    await chmod(made.folder, 0o777);
    const target = join(made.folder, 'left-behind');
    expect(await taken(`(cat /etc/passwd > ${target}) 2>/dev/null; echo over`)).toEqual(['over']);
    await chmod(made.folder, 0o755);
    expect(await readFile(target, 'utf8').catch(() => '')).toBe('');
  });

  it.runIf(found.isBound)('gains no rights by what it starts', async () => {
    expect(await taken('grep NoNewPrivs /proc/self/status')).toEqual(['NoNewPrivs:\t1']);
  });

  it.runIf(found.isBound)('ends with the one who started it', async () => {
    const command = [...confinedBy(found, found.hasOwnUser ? nextUid() : null), '/bin/sleep', '100'];
    const parent = spawn('/bin/sh', ['-c', '"$@" & echo $!; wait', 'sh', ...command], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(createInterface(parent.stdout), 'line')) as [string];
    await vi.waitFor(async () => expect(await readFile(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n'));
    parent.kill('SIGKILL');
    await vi.waitFor(async () => expect(await stateOf(pid)).toMatch(/^$|Z/), { timeout: 5000 });
  });
});

/** Empty for a process that is gone. */
async function stateOf(pid: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^State:\s+(\S)/m.exec(status)?.[1] ?? '';
}

describe.runIf(found.hasOwnUser)('a decoder that was taken over, as a user of its own', () => {
  it('has neither rights nor groups', async () => {
    const [uid = '', ...groups] = await taken('id -u; id -G');
    expect(Number(uid)).toBeGreaterThanOrEqual(FIRST_UID);
    expect(groups).toEqual([uid]);
    const sets = await taken('grep ^Cap /proc/self/status');
    expect(sets.map((line) => line.split('\t'))).toEqual(
      ['CapInh:', 'CapPrm:', 'CapEff:', 'CapBnd:', 'CapAmb:'].map((name) => [name, '0000000000000000']),
    );
  });

  it('can make only so many processes, and no core file', async () => {
    expect(await taken('ulimit -u 2>/dev/null || ulimit -p; ulimit -c')).toEqual(['512', '0']);
  });

  it('reads neither keys, nor the store, nor what is in the clear for another shot', async () => {
    const paths: string[] = [];
    for (const [folder, mode] of [
      ['keys', 0o600],
      ['objects', 0o600],
      ['scratch', 0o644],
    ] as const) {
      await mkdir(join(made.folder, folder), { mode: 0o700 });
      const path = join(made.folder, folder, 'file');
      await writeFile(path, 'secret', { mode });
      paths.push(path);
    }
    const files = new HandedFiles();
    const handed = files.read(paths[2] as string).replace('file:', '');
    const tools = await made.tools('for path in "$@"; do cat "$path" 2>/dev/null || echo refused; done');
    const run = { tool: 'ffmpeg', tools, files } as const;
    const { stdout } = await toolOutput({ ...run, args: [...paths, join(handed, '..', 'file'), handed] });
    expect(stdout).toBe(`${'refused\n'.repeat(4)}secret`);
  });

  it('cannot change what it was handed to read', async () => {
    const path = join(made.folder, 'plate');
    await writeFile(path, 'frames');
    const files = new HandedFiles();
    const tools = await made.tools('(echo other > "$1") 2>/dev/null || echo refused');
    const handed = files.read(path).replace('file:', '');
    expect((await toolOutput({ tool: 'ffmpeg', tools, files, args: [handed] })).stdout).toBe('refused\n');
    expect(await readFile(path, 'utf8')).toBe('frames');
  });

  it('sees into neither us nor another decoder', async () => {
    const files = new HandedFiles();
    const path = join(made.folder, 'another-plate');
    await writeFile(path, 'frames');
    files.read(path);
    const tools = await made.tools('echo $$; exec sleep 100');
    const other = new RunningTool({ tool: 'ffmpeg', tools, files, args: [] });
    const [pid] = (await once(createInterface(other.stdout), 'line')) as [string];
    try {
      const paths = [
        `/proc/${process.pid}/environ`,
        `/proc/${process.pid}/maps`,
        `/proc/${pid}/fd/4`,
        `/proc/${pid}/maps`,
      ];
      const reads = paths.map((one) => `cat ${one} 2>/dev/null | head -c 1 | wc -c`);
      expect(await taken([...reads, `kill -9 ${pid} 2>/dev/null || echo refused`].join('\n'))).toEqual([
        ...['0', '0', '0', '0'],
        'refused',
      ]);
    } finally {
      await other.kill();
    }
  });

  it.runIf(found.isOffline)('reaches nobody, on this host neither', async () => {
    let calls = 0;
    const server = createServer((socket) => {
      calls += 1;
      socket.end('content');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ['-v', 'error', '-f', 'data', '-i', url, '-map', '0', '-c', 'copy', '-f', 'data', 'pipe:1'];
    await expect(toolOutput({ tool: 'ffmpeg', args })).rejects.toMatchObject({
      details: { stderr: expect.stringMatching(/Network is unreachable/) as string },
    });
    expect(calls).toBe(0);
    // The very command reaches it where nothing holds it back.
    await promisify(execFile)('ffmpeg', ['-nostdin', ...args]);
    expect(calls).toBe(1);
    server.close();
  });
});
