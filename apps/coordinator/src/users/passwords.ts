import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';

/** argon2id, which is the library's default, with OWASP's least: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export function hashPassword(password: string): Promise<string> {
  return hash(password, COST);
}

let strangers: Promise<string> | undefined;

/** Takes as long where there is no hash to compare with, so that nobody learns from the time whether an account exists. */
export async function passwordFits(password: string, passwordHash: string | null): Promise<boolean> {
  strangers ??= hashPassword(randomBytes(32).toString('hex'));
  const fits = await verify(passwordHash ?? (await strangers), password);
  return fits && passwordHash !== null;
}
