import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.js';

const LEAST = { DATABASE_URL: 'postgres://app@127.0.0.1/farm', DATA_DIR: '/data', SECRET_KEY: 'ab'.repeat(32) };

describe('parseConfig', () => {
  it('fills in defaults, and refuses the local profile unless it is asked for', () => {
    expect(parseConfig(LEAST)).toMatchObject({ HOST: '127.0.0.1', LEASE_SECONDS: 10, ALLOW_LOCAL_PROFILE: false });
    expect(parseConfig({ ...LEAST, ALLOW_LOCAL_PROFILE: '1' }).ALLOW_LOCAL_PROFILE).toBe(true);
  });

  it('takes an empty variable for an absent one', () => {
    expect(parseConfig({ ...LEAST, QUEUE_URL: '', PORT: '' })).not.toHaveProperty('QUEUE_URL');
  });

  it('names every variable at fault and never shows a value', () => {
    const secret = 'not-a-key';
    expect(() => parseConfig({ SECRET_KEY: secret, PORT: '99999' })).toThrow(
      /PORT.*DATABASE_URL.*DATA_DIR.*SECRET_KEY/,
    );
    expect(() => parseConfig({ SECRET_KEY: secret })).not.toThrow(new RegExp(secret));
  });
});
