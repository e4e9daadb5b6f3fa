import { hkdfSync } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { decrypt, encrypt } from './aead.js';

const KEY_BYTES = 32;

/** Secrets of accounts as the database keeps them: sealed by a key made of `SECRET_KEY`, and of no use to another account. */
@Injectable()
export class AccountVault {
  readonly #key: Uint8Array;

  constructor(@Inject(CONFIG) config: Pick<Config, 'SECRET_KEY'>) {
    const secret = Buffer.from(config.SECRET_KEY, 'hex');
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', 'understudy account secrets/1', KEY_BYTES));
  }

  seal(userId: string, secret: Uint8Array): Buffer {
    return encrypt(this.#key, secret, `account ${userId}`);
  }

  /** @throws UnderstudyError INTERNAL for what was changed, or is another account's, or was sealed under another `SECRET_KEY` */
  open(userId: string, sealed: Uint8Array): Buffer {
    try {
      return decrypt(this.#key, sealed, `account ${userId}`);
    } catch (cause) {
      throw new UnderstudyError('INTERNAL', 'A stored second factor does not open: is SECRET_KEY another one?', {
        cause,
      });
    }
  }
}
