import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { traversable } from '@understudy/db';

const ELSEWHERE = '/var/lib/understudy/clusters';

/** The folder that a farm's cluster lies in when its own folder cannot hold it. */
export function clusterElsewhere(farmDir: string): string {
  return join(ELSEWHERE, createHash('sha256').update(farmDir).digest('hex').slice(0, 16));
}

/**
 * Where the cluster of a farm lies: in the farm's folder. Running as root, Postgres belongs to another user; when that
 * user is shut out of the farm's folder (a clone under /root, say), it lies under /var/lib.
 */
export async function clusterHome(farmDir: string): Promise<string> {
  if (process.getuid?.() !== 0 || (await traversable(farmDir))) return farmDir;
  const elsewhere = clusterElsewhere(farmDir);
  await mkdir(elsewhere, { recursive: true, mode: 0o755 });
  return elsewhere;
}
