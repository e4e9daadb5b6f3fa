import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { standIns, type StandIns } from '../test/stand-in.js';
import { HandedFiles } from './handed-files.js';
import { toolOutput } from './run-tool.js';

let made: StandIns;
let hidden: string;
beforeAll(async () => {
  made = await standIns();
  hidden = join(made.folder, 'hidden');
  await mkdir(hidden, { mode: 0o700 });
});
afterAll(() => made.remove());
afterEach(() => vi.unstubAllEnvs());

/** Runs a script with the given files' places as its arguments. */
async function run(script: string, hand: (files: HandedFiles) => string[]): Promise<string> {
  const files = new HandedFiles();
  const args = hand(files).map((url) => url.replace(/^file:/, ''));
  const tools = await made.tools(script);
  return (await toolOutput({ tool: 'ffmpeg', tools, files, args, failure: 'UNREADABLE_MEDIA' })).stdout;
}

it('come from folders that the program may not enter, each at its number', async () => {
  const names = ['a', "it's; $(b)", '%03d', '-c'];
  for (const name of names) await writeFile(join(hidden, name), name);
  expect(await run('cat "$@"', (files) => names.map((name) => files.read(join(hidden, name))))).toBe(names.join(''));
});

it('may be many, as the segments of a long shot are', async () => {
  const path = join(hidden, 'segment');
  await writeFile(path, 's');
  expect(await run('cat "$@"', (files) => Array.from({ length: 2000 }, () => files.read(path)))).toHaveLength(2000);
});

it('are read even where only their owner may, and nothing of them stays', async () => {
  const [own, temporary] = [join(hidden, 'own'), join(made.folder, 'temporary')];
  await mkdir(temporary);
  vi.stubEnv('TMPDIR', temporary);
  await writeFile(own, 'private', { mode: 0o600 });
  expect(await run('cat "$1"', (files) => [files.read(own)])).toBe('private');
  expect((await stat(own)).mode & 0o777).toBe(0o600);
  expect(await readdir(temporary)).toEqual([]);
});

it('are ours again when they were written, whatever the program made of them', async () => {
  const path = join(hidden, 'output');
  await writeFile(path, 'what was there before', { mode: 0o600 });
  await run('echo frames > "$1"; chmod 4777 /proc/self/fd/4', (files) => [files.write(path)]);
  expect(await readFile(path, 'utf8')).toBe('frames\n');
  const { uid, mode } = await stat(path);
  expect(uid).toBe(process.geteuid?.());
  if (uid === 0) expect(mode & 0o7777).toBe(0o644);
});

it('fail the run when they are not there', async () => {
  await expect(run('true', (files) => [files.read(join(hidden, 'none'))])).rejects.toMatchObject({
    code: 'UNREADABLE_MEDIA',
  });
  await expect(run('true', (files) => [files.write(join(hidden, 'none', 'none'))])).rejects.toMatchObject({
    code: 'OUTPUT_UNWRITABLE',
  });
});
