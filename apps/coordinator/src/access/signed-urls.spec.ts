import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/config.js';
import { SignedUrls } from './signed-urls.js';

const config = parseConfig({
  DATABASE_URL: 'postgres://app@127.0.0.1/farm',
  DATA_DIR: '/data',
  SECRET_KEY: 'ab'.repeat(32),
});
const START = Date.parse('2026-01-01T00:00:00Z');
const at = (ms: number, key = config.SECRET_KEY) =>
  new SignedUrls({ ...config, SECRET_KEY: key }, { now: () => new Date(START + ms) });
const PATH = '/api/v1/objects/abc';

describe('SignedUrls', () => {
  const url = at(0).sign(PATH, 60, { attempt: 'a' });

  it('gives the claims back while it holds, whatever else the query says', () => {
    expect(at(59_000).verify(url)).toEqual({ attempt: 'a' });
    expect(at(59_000).verify(`${url}&offset=5`)).toEqual({ attempt: 'a' });
  });

  it('holds no longer than it says', () => {
    expect(() => at(60_000).verify(url)).toThrow(/no longer/);
  });

  it.each([
    ['another object', url.replace('abc', 'abd')],
    ['a longer life', url.replace(/expires=\d+/, `expires=${START}`)],
    ['other claims', url.replace(/claims=[^&]+/, `claims=${Buffer.from('{"attempt":"b"}').toString('base64url')}`)],
    ['no signature', url.replace(/&signature=.*/, '')],
    ['a cut signature', url.slice(0, -1)],
  ])('refuses %s', (_, forged) => {
    expect(() => at(0).verify(forged)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('refuses what another key signed', () => {
    expect(() => at(0, 'cd'.repeat(32)).verify(url)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });
});
