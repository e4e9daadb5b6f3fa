import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { FIRST, SECOND, THIRD, drawGroup, drawPortrait, pngOf } from '@understudy/sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, makeFolder, understudy } from './understudy.js';

/** What each kind of bad input is told: the code, and that nothing stays behind. */
describe('bad input', () => {
  let dir: string;
  let remove: () => Promise<void>;
  const at = (name: string): string => join(dir, name);

  beforeAll(async () => {
    ({ dir, remove } = await makeFolder());
    await makeInputs();
  });
  afterAll(() => remove());

  async function makeInputs(): Promise<void> {
    const portrait = async (person: typeof FIRST): Promise<Buffer> => pngOf((await drawPortrait(person)).picture);
    writeFileSync(at('first.png'), await portrait(FIRST));
    writeFileSync(at('second.png'), await portrait(SECOND));
    writeFileSync(at('identity.png'), await portrait(THIRD));
    writeFileSync(
      at('two.png'),
      await pngOf((await drawGroup([{ person: FIRST }, { person: SECOND }], 960, 540)).picture),
    );
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'color=gray:s=320x240',
      '-frames:v',
      '1',
      at('nobody.png'),
    ]);
    const loop = (image: string, out: string) =>
      execFileSync('ffmpeg', [
        '-v',
        'error',
        '-loop',
        '1',
        '-i',
        image,
        '-frames:v',
        '12',
        '-vf',
        'scale=360:-2',
        '-pix_fmt',
        'yuv420p',
        out,
      ]);
    loop(at('first.png'), at('plate.mp4'));
    loop(at('two.png'), at('plate-two.mp4'));
    loop(at('nobody.png'), at('plate-nobody.mp4'));
    writeFileSync(at('empty.mp4'), '');
    writeFileSync(at('words.mp4'), 'these are words, and no pictures');
    writeFileSync(at('list.mp4'), `#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n`);
    writeFileSync(at('concat.mp4'), `ffconcat version 1.0\nfile /etc/passwd\n`);
    copyFileSync(at('plate.mp4'), at('cut.mp4'));
    await truncate(at('cut.mp4'), 2000);
    mkdirSync(at('folder.mp4'));
    await consent('good.json', []);
    await consent('other-project.json', [], { project: 'another' });
    await consent('other-shot.json', ['--shots', 'some-other-shot']);
    await consent('anonymise-only.json', [], { operations: 'anonymise' });
    await consent('one-sided.json', [], { platePerformer: false });
    await consent('faceless.json', ['--plate-performer', 'lead'], { platePerformer: false });
    const tampered = JSON.parse(await readFile(at('good.json'), 'utf8')) as {
      statement: { scope: { validUntil: string } };
    };
    tampered.statement.scope.validUntil = '2099-01-01T00:00:00.000Z';
    writeFileSync(at('tampered.json'), JSON.stringify(tampered));
    writeFileSync(at('broken.json'), '{"statement":');
  }

  async function consent(
    name: string,
    more: readonly string[],
    change: { project?: string; operations?: string; platePerformer?: boolean } = {},
  ): Promise<void> {
    const plate =
      change.platePerformer === false ? [] : ['--plate-performer', 'lead', '--plate-identity', at('first.png')];
    const made = await understudy([
      ...['consent', 'new', '--performer', 'stand-in', '--identity', at('identity.png')],
      ...['--project', change.project ?? 'local', '--operations', change.operations ?? 'replace'],
      ...plate,
      ...more,
    ]);
    expect(made.stderr).toBe('');
    writeFileSync(at(name), made.stdout);
  }

  async function render(change: Record<string, string | null>): Promise<Finished> {
    const options: Record<string, string | null> = {
      target: at('plate.mp4'),
      identity: at('identity.png'),
      consent: at('good.json'),
      project: 'local',
      shot: 'test',
      out: at('out.mp4'),
      lanes: '1',
      ...change,
    };
    const args = Object.entries(options).flatMap(([name, value]) => (value === null ? [] : [`--${name}`, value]));
    return understudy(['render', ...args, '--json']);
  }

  const CASES: [string, Record<string, string | null>, string, number][] = [
    ['no consent', { consent: null }, 'CONSENT_REQUIRED', 3],
    ['a consent that is not there', { consent: 'gone.json' }, 'CONSENT_DOCUMENT_INVALID', 3],
    ['a consent that is no JSON', { consent: 'broken.json' }, 'CONSENT_DOCUMENT_INVALID', 3],
    ['a consent changed after signing', { consent: 'tampered.json' }, 'CONSENT_DOCUMENT_INVALID', 3],
    ['a consent for another project', { consent: 'other-project.json' }, 'CONSENT_OUT_OF_SCOPE', 3],
    ['a consent for another shot', { consent: 'other-shot.json' }, 'CONSENT_OUT_OF_SCOPE', 3],
    ['a consent for another operation', { consent: 'anonymise-only.json' }, 'CONSENT_OUT_OF_SCOPE', 3],
    ['no consent of the person covered', { consent: 'one-sided.json' }, 'CONSENT_REQUIRED', 3],
    ['an identity image of somebody else', { identity: 'second.png' }, 'IDENTITY_MISMATCH', 4],
    ['an identity image of two people', { identity: 'two.png' }, 'TWO_FACES_IN_IMAGE', 4],
    ['an identity image of nobody', { identity: 'nobody.png' }, 'NO_FACE', 4],
    ['a plate without faces', { target: 'plate-nobody.mp4' }, 'NO_FACE', 4],
    [
      'a plate with two people, neither named',
      { target: 'plate-two.mp4', consent: 'faceless.json' },
      'AMBIGUOUS_FACE',
      4,
    ],
    ['an empty file', { target: 'empty.mp4' }, 'EMPTY_MEDIA', 5],
    ['a file of words', { target: 'words.mp4' }, 'NOT_A_VIDEO', 5],
    ['a cut-off file', { target: 'cut.mp4' }, 'TRUNCATED_MEDIA', 5],
    ['an HLS playlist', { target: 'list.mp4' }, 'PLAYLIST_REFUSED', 5],
    ['a concat playlist', { target: 'concat.mp4' }, 'PLAYLIST_REFUSED', 5],
    ['a folder', { target: 'folder.mp4' }, 'UNREADABLE_MEDIA', 5],
    ['a file that is not there', { target: 'gone.mp4' }, 'UNREADABLE_MEDIA', 5],
    ['an output in no folder', { out: 'gone/out.mp4' }, 'OUTPUT_UNWRITABLE', 6],
    ['an output of no format', { out: 'out.doc' }, 'USAGE', 2],
  ];
  it.each(CASES)('%s', async (_, change, code, exit) => {
    const files = ['target', 'identity', 'consent', 'out'];
    const full = Object.fromEntries(
      Object.entries(change).map(([name, value]) => [name, value !== null && files.includes(name) ? at(value) : value]),
    );
    const before = readdirSync(dir);
    const result = await render(full);
    expect(result.json<{ error: { code: string; message: string } }>().error).toMatchObject({ code });
    expect(result.code).toBe(exit);
    expect(result.stderr.trim().split('\n').at(-1)).toMatch(new RegExp(`^error ${code}: .+`));
    expect(readdirSync(dir)).toEqual(before);
  });

  it('takes a file name with quotes, spaces and shell characters', async () => {
    const odd = at(`-a 'b' "c" $(touch x);|&%03d#?*[é].mp4`);
    copyFileSync(at('plate.mp4'), odd);
    const out = at(`out '"$;%d.mp4`);
    const result = await render({ target: odd, out });
    expect(result.stderr).not.toMatch(/^error/m);
    expect(result.json<{ output: { path: string; frames: number } }>().output).toMatchObject({ path: out, frames: 12 });
  });
});
