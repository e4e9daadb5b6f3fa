import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shot, ShotReport } from '@understudy/contracts';
import { freePort } from '@understudy/db';
import { encodeModel } from '@understudy/inference';
import { FIRST, THIRD, drawPortrait, pngOf } from '@understudy/sample';
import { expect } from 'vitest';
import { painter } from './painter.js';
import { type Finished, type Running, makeFolder, start, understudy } from './understudy.js';

/** Of everybody but the first admin. */
export const PASSWORD = 'a-long-enough-password';
export const mail = (person: string): string => `${person}@studio.example`;

/** A folder with what people bring, and a lasting farm of one lane in it, met by the command line alone. */
export class Studio {
  #farm: Running | null = null;
  server = '';
  adminPassword = '';

  private constructor(
    readonly dir: string,
    private readonly remove: () => Promise<void>,
  ) {}

  /** @param title - what the plate's file says of itself */
  static async furnish(title: string): Promise<Studio> {
    const { dir, remove } = await makeFolder();
    const studio = new Studio(dir, remove);
    const { at } = studio;
    writeFileSync(at('first.png'), await pngOf((await drawPortrait(FIRST)).picture));
    writeFileSync(at('identity.png'), await pngOf((await drawPortrait(THIRD)).picture));
    writeFileSync(at('signed.pdf'), 'the paper that both signed');
    const frames = ['-loop', '1', '-i', at('first.png'), '-frames:v', '24', '-vf', 'scale=360:-2'];
    const tag = ['-metadata', `title=${title}`];
    execFileSync('ffmpeg', ['-v', 'error', ...frames, '-pix_fmt', 'yuv420p', ...tag, at('plate.mp4')]);
    await studio.#addPainter();
    return studio;
  }

  /** @param env - more of it, for the farm */
  async open(env: Record<string, string>): Promise<void> {
    const port = await freePort();
    this.server = `http://127.0.0.1:${port}`;
    const up = ['up', '--port', String(port), '--lanes', '1', '--admin-email', mail('admin')];
    this.#farm = start(up, { env: { UNDERSTUDY_HOME: this.at('farm'), ...env } });
    this.adminPassword = (await this.#farm.printed(/sign in as \S+ with (\S+)/))[1]!;
  }

  async close(): Promise<void> {
    this.#farm?.child.kill('SIGTERM');
    await this.#farm?.finished;
    await this.remove();
  }

  readonly at = (name: string): string => join(this.dir, name);

  /** Each person has a home of their own, as on a host of their own. */
  readonly as = (person: string, ...args: string[]): Promise<Finished> =>
    understudy(args, { env: { UNDERSTUDY_HOME: this.at(person) } });

  /** With a line on standard input. */
  readonly typed = (person: string, line: string, args: readonly string[]): Promise<Finished> =>
    start(args, { env: { UNDERSTUDY_HOME: this.at(person) }, input: `${line}\n` }).finished;

  readonly logIn = (person: string, password: string): Promise<Finished> =>
    this.typed(person, password, ['login', '--server', this.server, '--email', mail(person)]);

  readonly submit = (...more: string[]): Promise<Finished> =>
    this.as(
      'producer',
      ...['submit', '--target', this.at('plate.mp4'), '--identity', this.at('identity.png'), '--project', 'pilot'],
      ...['--performer', 'ada', '--plate-performer', 'ben', '--json', ...more],
    );

  /** A shot of this name, submitted, released and fetched. */
  readonly finished = async (name: string, ...more: string[]): Promise<ShotReport> => {
    const submitted = await this.submit('--shot', name, ...more);
    expect(submitted.stderr).not.toMatch(/^error/m);
    const { id } = submitted.json<Shot>();
    const watched = await this.as('producer', 'watch', id, '--json');
    expect(watched.stderr).not.toMatch(/^error/m);
    expect((await this.as('second', 'release', id, '--reason', 'approved')).stderr).toBe('');
    const file = this.at(`${name}.${more.includes('mkv') ? 'mkv' : 'mp4'}`);
    return (await this.as('producer', 'watch', id, '--out', file, '--json')).json<ShotReport>();
  };

  /** A pack that paints faces one colour, in the stores of the farm's lanes and of the admin. */
  async #addPainter(): Promise<void> {
    writeFileSync(this.at('painter.dfm'), encodeModel(painter()));
    const row = ['--as', 'dfm', '--id', 'ada_dfm', '--pack-version', '1', '--licence', 'in-house'];
    for (const store of ['farm', 'admin']) {
      expect((await this.as(store, 'models', 'add', this.at('painter.dfm'), ...row)).stderr).toBe('');
    }
  }
}
