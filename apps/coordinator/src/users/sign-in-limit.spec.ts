import { describe, expect, it } from 'vitest';
import { SignInLimit } from './sign-in-limit.js';

const triesOf = (limit: SignInLimit, address: string, nowMs: number): number => {
  let tries = 0;
  while (tries < 100 && limit.take(address, nowMs)) tries += 1;
  return tries;
};

describe('tries to sign in from one address', () => {
  it('run out, and come back with time', () => {
    const limit = new SignInLimit(10);
    expect(triesOf(limit, '192.0.2.1', 0)).toBe(10);
    expect(triesOf(limit, '192.0.2.2', 0)).toBe(10);
    expect(triesOf(limit, '192.0.2.1', 59_000)).toBe(0);
    expect(triesOf(limit, '192.0.2.1', 120_000)).toBe(2);
    expect(triesOf(limit, '192.0.2.1', 10_000_000)).toBe(10);
  });

  it('that were right are given back, and never more than were there', () => {
    const limit = new SignInLimit(3);
    for (let round = 0; round < 20; round += 1) {
      expect(limit.take('192.0.2.1', 0)).toBe(true);
      limit.giveBack('192.0.2.1', 0);
    }
    limit.giveBack('192.0.2.1', 0);
    expect(triesOf(limit, '192.0.2.1', 0)).toBe(3);
  });

  it('are those of a whole IPv6 network of one household, and of an IPv4 address in either writing', () => {
    const limit = new SignInLimit(1);
    expect(limit.take('2001:db8:1:2::1', 0)).toBe(true);
    expect(limit.take('2001:db8:1:2:ffff::9', 0)).toBe(false);
    expect(limit.take('2001:0db8:0001:0002:1:2:3:4', 0)).toBe(false);
    expect(limit.take('2001:db8:1:3::1', 0)).toBe(true);
    expect(limit.take('::ffff:192.0.2.7', 0)).toBe(true);
    expect(limit.take('192.0.2.7', 0)).toBe(false);
    expect(limit.take('::1', 0)).toBe(true);
    expect(limit.take('fe80::1%eth0', 0)).toBe(true);
  });

  it('are remembered of a bounded number of addresses', () => {
    const limit = new SignInLimit(5);
    for (let n = 0; n < 12_000; n += 1) limit.take(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 0);
    expect(limit.size).toBe(10_000);
  });
});
