import { rmSync } from 'node:fs';
import { mkdtemp, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Recipe, UnderstudyError } from '@understudy/contracts';
import { packMatte, type PlateInfo, probePlate } from '@understudy/media';
import { type LocalFile, readMediaFile } from './upload.js';

/**
 * A matte as a file to bring to the farm: a clip as it is, a folder of pictures packed into one. The farm compares it with the
 * plate.
 *
 * @throws UnderstudyError USAGE with `anonymise`; MATTE_MISMATCH, and what reading the files says
 */
export async function readMatte(path: string, platePath: string, { processors }: Recipe): Promise<LocalFile> {
  if (processors.some(({ type }) => type === 'anonymise')) {
    throw new UnderstudyError('USAGE', '--matte would uncover the faces that anonymise covers: leave it out');
  }
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return readMediaFile(isFolder ? await packedFolder(path, await probePlate(platePath)) : path);
}

/** In the order of their numbers, whether or not those have leading zeros. */
const BY_NUMBER = new Intl.Collator('en', { numeric: true });

async function packedFolder(folder: string, { frameCount, video }: PlateInfo): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /\.png$/i.test(name)).toSorted(BY_NUMBER.compare);
  if (names.length !== frameCount) {
    throw new UnderstudyError(
      'MATTE_MISMATCH',
      `${folder} has ${names.length} PNG pictures, the plate ${frameCount} frames`,
      {
        details: { differs: { frames: { plate: frameCount, matte: names.length } } },
      },
    );
  }
  const scratch = await mkdtemp(join(tmpdir(), 'understudy-matte-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const path = join(scratch, 'matte.mp4');
  const { width, height, rate } = video;
  await packMatte({ paths: names.map((name) => join(folder, name)), width, height, rate, path });
  return path;
}
