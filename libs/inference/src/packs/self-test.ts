import { type PackSelfTest, toUnderstudyError, UnderstudyError } from '@understudy/contracts';

import type { SessionOptions } from '../session.js';
import { canaryDifference, recordCanary, timeCanary } from './canary.js';
import { isGraph } from './check-pack.js';
import { openPack } from './open-pack.js';
import { packDigest } from './pack-digest.js';
import { listPacks, readPack, type StoredPack, verifyPack } from './pack-store.js';

/** Difference to the canary, in parts of an output's largest number, up to which a lane counts as computing the same. */
export const CANARY_BOUNDS = { cpu: 1e-3, other: 2e-2 };

/**
 * Runs every pack of a store on this provider: files hashed, graph checked, the model fed with the inputs of its canary and
 * its numbers compared with those it gave in single precision on the processor when it was added. One after the other.
 */
export async function selfTestPacks(dataDir: string, options: SessionOptions = {}): Promise<PackSelfTest[]> {
  const results: PackSelfTest[] = [];
  for (const { id, version } of await listPacks(dataDir)) {
    let sha256: string | null = null;
    let outcome: Omit<PackSelfTest, 'id' | 'version' | 'sha256'>;
    try {
      const pack = await readPack(dataDir, id, version);
      sha256 = packDigest(pack.manifest);
      outcome = { passed: true, ...(await selfTestPack(pack, options)) };
    } catch (thrown) {
      const { code, message } = toUnderstudyError(thrown);
      outcome = { passed: false, difference: null, milliseconds: null, code, message: withoutPaths(message, dataDir) };
    }
    results.push({ id, version, sha256, ...outcome });
  }
  return results;
}

/**
 * @returns the difference to the canary, null where the pack has none, for it is no graph or older than canaries; and the
 * time of one run, null where nothing is run
 * @throws UnderstudyError PACK_SELF_TEST_FAILED beyond {@link CANARY_BOUNDS}, and what opening a pack says
 */
export async function selfTestPack(
  pack: StoredPack,
  options: SessionOptions = {},
): Promise<Pick<PackSelfTest, 'difference' | 'milliseconds'>> {
  const { manifest } = pack;
  if (!isGraph(manifest)) {
    await verifyPack(pack);
    return { difference: null, milliseconds: null };
  }
  const opened = await openPack(pack, options);
  try {
    const actual = await recordCanary(opened);
    const difference = manifest.canary === undefined ? null : canaryDifference(manifest.canary, actual);
    const isReference = (options.provider ?? 'cpu') === 'cpu' && (options.precision ?? 'fp32') === 'fp32';
    const bound = isReference ? CANARY_BOUNDS.cpu : CANARY_BOUNDS.other;
    if (difference === null || difference <= bound) return { difference, milliseconds: await timeCanary(opened) };
    throw new UnderstudyError(
      'PACK_SELF_TEST_FAILED',
      `${manifest.id} ${manifest.version} differs from its canary by ${difference.toExponential(1)}, more than ${bound}.`,
    );
  } finally {
    await opened.release();
  }
}

/** Where a store lies on this host says nothing to others. */
function withoutPaths(message: string, dataDir: string): string {
  return message.replaceAll(dataDir, '').slice(0, 500);
}
