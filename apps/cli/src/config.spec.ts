import { expect, it } from 'vitest';
import { childEnvironment } from './config.js';

it('hands on where programs, drivers and cards are, and neither settings nor secrets', () => {
  const environment = childEnvironment({
    PATH: '/bin',
    LD_LIBRARY_PATH: '/opt/cuda/lib64',
    CUDA_VISIBLE_DEVICES: '1',
    DATABASE_URL: 'postgres://owner:secret@host/farm',
    UNDERSTUDY_TOKEN: 'secret',
  });
  expect(environment).toEqual({ PATH: '/bin', LD_LIBRARY_PATH: '/opt/cuda/lib64', CUDA_VISIBLE_DEVICES: '1' });
});
