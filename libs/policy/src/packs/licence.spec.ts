import { expect, test } from 'vitest';

import { requireLicence } from './licence.js';

test('a commercial project refuses a non-commercial pack by name', () => {
  const pack = { id: 'simswap_256', version: '1', licence: 'SimSwap non-commercial', commercialUse: false };
  expect(() => requireLicence(pack, { commercial: true })).toThrow(
    expect.objectContaining({ code: 'LICENCE_REFUSED', message: expect.stringMatching(/simswap_256/) as string }),
  );
  requireLicence(pack, { commercial: false });
  requireLicence({ ...pack, commercialUse: true }, { commercial: true });
});
