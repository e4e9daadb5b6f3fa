import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../output/write-whole.js';

const KeptSignIn = z.object({ server: z.string(), token: z.string() });
export type KeptSignIn = z.infer<typeof KeptSignIn>;

const FILE = 'sign-in.json';

/** What `login` kept; null when nobody is signed in, or the file is damaged. */
export async function readSignIn(homeDir: string): Promise<KeptSignIn | null> {
  const text = await readFile(join(homeDir, FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return KeptSignIn.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Readable by its owner alone: the token is as good as the password while it lasts. */
export async function keepSignIn(homeDir: string, signIn: KeptSignIn): Promise<void> {
  await mkdir(homeDir, { recursive: true });
  await writeWhole(join(homeDir, FILE), `${JSON.stringify(signIn, null, 2)}\n`, 0o600);
}

export async function forgetSignIn(homeDir: string): Promise<void> {
  await rm(join(homeDir, FILE), { force: true });
}
