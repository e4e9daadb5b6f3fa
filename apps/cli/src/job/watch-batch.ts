import { setTimeout as delay } from 'node:timers/promises';
import type { NodeClient } from '@understudy/client/node';
import { type BatchStanding, type ShotState, UnderstudyError } from '@understudy/contracts';
import type { Progress } from '../terminal/progress.js';

const POLL_MS = 1000;

/** Ends of a shot that somebody has to look at. */
const NOT_DONE: readonly ShotState[] = ['held', 'failed', 'cancelled', 'revoked'];

/**
 * Follows a batch until every shot of it has ended, whatever joins meanwhile.
 *
 * @throws UnderstudyError what the first shot ended with that did not get ready
 */
export async function watchBatch(
  client: NodeClient,
  batchId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<BatchStanding> {
  const params = { batchId };
  let said = '';
  for (;;) {
    const standing = await client.call('getBatch', { params }, { signal });
    const states = standing.shots.map(({ state, shots }) => `${shots} ${state}`).join(', ');
    const waits = standing.waiting.map(({ shots, text }) => `; ${shots} wait: ${text}`).join('');
    const line = states + waits;
    if (line !== said) {
      progress.note(`${standing.name}: ${line}`);
      if (standing.frames.total !== null) progress.phase('rendering', standing.frames.total);
      said = line;
    }
    progress.update(standing.frames.rendered, standing.frames.total ?? undefined, standing.etaSeconds);
    if (standing.settled) return await done(client, standing);
    await delay(POLL_MS, undefined, { signal });
  }
}

async function done(client: NodeClient, standing: BatchStanding): Promise<BatchStanding> {
  if (!standing.shots.some(({ state }) => NOT_DONE.includes(state))) return standing;
  const { items } = await client.call('listShots', { query: { batchId: standing.id, limit: 500 } });
  const shot = items.find(({ state }) => NOT_DONE.includes(state));
  const left = `${shot?.name ?? 'a shot'} is ${shot?.state ?? 'not ready'}`;
  if (shot === undefined || shot.error === null) throw new UnderstudyError('CANCELLED', left);
  throw new UnderstudyError(shot.error.code, `${left}: ${shot.error.message}`);
}
