import { UnderstudyError } from '@understudy/contracts';

import type { SessionOptions } from '../session.js';
import { findEngine } from './engine-cache.js';
import { engineSpec } from './engine-model.js';

/**
 * What a session is made of: the path of an engine's wrapper where this host builds engines, else undefined.
 *
 * @throws UnderstudyError PROVIDER_UNAVAILABLE where the host builds engines and has none of this model
 */
export async function engineOf(
  bytes: Uint8Array,
  { provider, precision = 'fp32', engines }: SessionOptions,
  openSide?: number,
): Promise<string | undefined> {
  if (provider !== 'tensorrt' || engines === undefined) return undefined;
  const wrapper = await findEngine(engines.folder, engineSpec({ bytes, openSide }, engines, precision));
  if (wrapper !== undefined) return wrapper;
  throw new UnderstudyError(
    'PROVIDER_UNAVAILABLE',
    'This lane has no TensorRT engine of the model: "understudy doctor" shows why its build failed.',
  );
}
