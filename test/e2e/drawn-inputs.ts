import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ClipTruth,
  drawClip,
  drawPortrait,
  FIRST,
  type Person,
  pngOf,
  SAMPLE_PLATE,
  THIRD,
} from '@understudy/sample';
import { understudy } from './understudy.js';

export interface DrawnInputs {
  /** Two people talking, 1280x720. */
  readonly plate: string;
  readonly truth: ClipTruth;
  readonly identity: string;
  /** A portrait of the first person in the plate. */
  readonly first: string;
  /** Consent of the identity and of the first person, project `local`. */
  readonly consent: string;
}

/** What `render` needs for a replacement, drawn into a folder. */
export async function drawInputs(dir: string, frames: number): Promise<DrawnInputs> {
  const portrait = async (person: Person, name: string): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, await pngOf((await drawPortrait(person)).picture));
    return path;
  };
  const plate = join(dir, 'plate.mp4');
  const truth = await drawClip({ ...SAMPLE_PLATE, frames, out: plate });
  const identity = await portrait(THIRD, 'identity.png');
  const first = await portrait(FIRST, 'first.png');
  const made = await understudy([
    ...['consent', 'new', '--performer', 'stand-in', '--identity', identity, '--project', 'local'],
    ...['--operations', 'replace', '--plate-performer', 'lead', '--plate-identity', first],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  const consent = join(dir, 'consent.json');
  await writeFile(consent, made.stdout);
  return { plate, truth, identity, first, consent };
}
