import { describe, expect, it } from 'vitest';

import { workerConfig } from './config.js';

const env = {
  COORDINATOR_URL: 'https://farm.example',
  WORKER_TOKEN: 'secret',
  SCRATCH_DIR: '/scratch',
  DATA_DIR: '/data',
};

const wrong = () => workerConfig({ COORDINATOR_URL: 'http://hidden.example', LANES: '0' });

describe('worker configuration', () => {
  it('fills in defaults and keeps the token from the lanes', () => {
    const config = workerConfig({ ...env, PATH: '/bin' });
    expect(config).toMatchObject({ lanes: 1, provider: 'cpu', threads: 1, scratchDir: '/scratch', logLevel: 'info' });
    expect(config.laneEnvironment).toMatchObject({ PATH: '/bin' });
    expect(JSON.stringify(config.laneEnvironment)).not.toContain('secret');
  });

  it.each(['http://127.0.0.1:8080', 'http://localhost:1', 'http://[::1]:1', 'https://10.0.0.1'])('takes %s', (url) => {
    expect(workerConfig({ ...env, COORDINATOR_URL: url }).coordinatorUrl).toBe(url);
  });

  it.each([
    'http://farm.example',
    'http://10.0.0.1:8080',
    'http://127.0.0.1.example.com',
    'http://localhost.example',
    'ftp://127.0.0.1',
    'farm',
  ])('refuses %s', (url) => {
    expect(() => workerConfig({ ...env, COORDINATOR_URL: url })).toThrow(
      expect.objectContaining({ code: 'USAGE', exitCode: 2 }),
    );
  });

  it('names every variable that is wrong, and no value', () => {
    expect(wrong).toThrow(/COORDINATOR_URL.*WORKER_TOKEN.*LANES.*SCRATCH_DIR.*DATA_DIR/);
    expect(wrong).not.toThrow(/hidden/);
  });
});
