import { createHash, randomBytes } from 'node:crypto';

export type TokenOwner = 'session' | 'api' | 'worker' | 'invitation';

const PREFIX: Record<TokenOwner, string> = { session: 'uss', api: 'usa', worker: 'usw', invitation: 'usi' };

/** A new bearer secret: a prefix that tells its kind to people and to secret scanners, then 256 random bits. */
export function newTokenSecret(owner: TokenOwner): string {
  return `${PREFIX[owner]}_${randomBytes(32).toString('base64url')}`;
}

/** What is kept of a secret: SHA-256, lower-case hex. The secret has full entropy, so no salt and no slow hash. */
export function hashTokenSecret(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}
