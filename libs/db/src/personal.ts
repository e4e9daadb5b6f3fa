import { randomBytes } from 'node:crypto';
import { commitTo, SALT_BYTES } from '@understudy/tlog';

/** Words that a person typed into an event's data. The log commits to them; they lie beside it, where they can be erased. */
export class Personal {
  constructor(readonly value: string) {}
}

export function personal(value: string): Personal {
  return new Personal(value);
}

/** What is kept beside the log for a commitment in it. */
export interface KeptOpening {
  readonly field: string;
  /** 32 bytes, hex. */
  readonly salt: string;
  readonly value: string;
}

/** An event's data as the log holds it, and what lies beside. Personal are members of the data itself, none within them. */
export function withCommitments(data: Readonly<Record<string, unknown>>): {
  logged: Record<string, unknown>;
  kept: KeptOpening[];
} {
  const kept: KeptOpening[] = [];
  const logged = Object.entries(data).map(([field, value]) => {
    if (!(value instanceof Personal)) return [field, value];
    const salt = randomBytes(SALT_BYTES);
    kept.push({ field, salt: salt.toString('hex'), value: value.value });
    return [field, commitTo(salt, value.value)];
  });
  return { logged: Object.fromEntries(logged) as Record<string, unknown>, kept };
}
