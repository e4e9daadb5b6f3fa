import { chmod } from 'node:fs/promises';
import type { NodeClient } from '@understudy/client/node';
import type { Delivery } from '@understudy/contracts';

/** Brings a released delivery to `outPath`, whole or not at all. */
export async function fetchDelivery(
  client: NodeClient,
  { id, sha256 }: Pick<Delivery, 'id' | 'sha256'>,
  outPath: string,
  signal: AbortSignal,
): Promise<void> {
  await client.downloadContent(`/api/v1/deliveries/${id}/content`, outPath, { sha256, signal });
  // Downloads are private while they arrive; the result is the person's own file, like any other they make.
  await chmod(outPath, 0o666 & ~process.umask());
}
