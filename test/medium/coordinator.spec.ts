import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator } from './coordinator.js';

let farm: TestCoordinator;
beforeAll(async () => {
  farm = await TestCoordinator.start();
});
afterAll(() => farm.stop());

describe('the coordinator', () => {
  it('tells its health to anybody', async () => {
    expect(await farm.json('GET', '/api/v1/health')).toEqual({
      status: 200,
      body: { status: 'ok', version: '0.1.0', leases: { given: true, reason: null } },
    });
  });

  it('answers an address that it does not have with 404 and an error body', async () => {
    const { status, body } = await farm.json('GET', '/api/v1/nothing');
    expect({ status, code: body.error?.code }).toEqual({ status: 404, code: 'NOT_FOUND' });
  });
});
