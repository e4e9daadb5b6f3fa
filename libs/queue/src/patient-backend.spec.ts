import { describe, expect, it } from 'vitest';
import { patientBackend } from './patient-backend.js';

describe('patientBackend', () => {
  it('waits before it tells of a failure, and not otherwise', async () => {
    const reset = new Error('read ECONNRESET');
    let failing = true;
    const backend = patientBackend(
      { moveToActive: async (token: string) => (failing ? Promise.reject(reset) : [token]) },
      200,
    );
    const startedAt = performance.now();
    await expect(backend.moveToActive('a')).rejects.toBe(reset);
    expect(performance.now() - startedAt).toBeGreaterThan(190);
    failing = false;
    expect(await backend.moveToActive('b')).toEqual(['b']);
  });
});
