import { UnderstudyError } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { onDisk, outageOf } from './disk-errors.js';

const failing = (code: string, syscall: string) => Object.assign(new Error(code), { code, syscall });

describe('an error of the file system', () => {
  it.each([
    ['ENOSPC', 'write', 'DISK_FULL'],
    ['EDQUOT', 'write', 'DISK_FULL'],
    ['ESTALE', 'open', 'STORE_UNAVAILABLE'],
    ['EIO', 'read', 'STORE_UNAVAILABLE'],
    ['ETIMEDOUT', 'stat', 'STORE_UNAVAILABLE'],
    ['EROFS', 'mkdir', 'STORE_UNAVAILABLE'],
    // Of a connection, not of a disk.
    ['ETIMEDOUT', 'connect', undefined],
    ['ENOENT', 'open', undefined],
  ])('%s of %s is %s', (code, syscall, outage) => {
    expect(outageOf(failing(code, syscall))?.code).toBe(outage);
  });

  it('keeps its cause, and what is known already stays', async () => {
    const cause = failing('ESTALE', 'open');
    await expect(onDisk(() => Promise.reject(cause))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause });
    const known = new UnderstudyError('NOT_FOUND', 'gone', { cause });
    await expect(onDisk(() => Promise.reject(known))).rejects.toBe(known);
  });
});
