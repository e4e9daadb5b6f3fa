import { setTimeout as delay } from 'node:timers/promises';
import type { NodeClient } from '@understudy/client/node';
import { SETTLED_SHOT_STATES, type Shot, type ShotState, UnderstudyError } from '@understudy/contracts';
import type { Progress } from '../terminal/progress.js';

const POLL_MS = 250;
/** After so long without a frame more, it is said why. */
const STANDS_STILL_MS = 5000;
/** How often the farm is asked how long it will take. */
const LOOK_AHEAD_MS = 2000;
const PHASES: Partial<Record<ShotState, string>> = {
  ingesting: 'ingesting',
  analysing: 'analysing',
  linking: 'linking tracks',
  planning: 'planning',
  rendering: 'rendering',
  assembling: 'joining',
  verifying: 'verifying',
};
/** States with frames to count. */
const COUNTED: readonly ShotState[] = ['analysing', 'rendering'];

/** Seconds that the shot stood in each state, as seen from outside. */
export type StateSeconds = Readonly<Record<string, number>>;

/**
 * Follows a shot until it settles.
 *
 * @throws UnderstudyError the shot's own error when it did not get ready; HELD_FOR_REVIEW, CANCELLED.
 */
export async function watchShot(
  client: NodeClient,
  shotId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ shot: Shot; seconds: StateSeconds }> {
  const seconds: Record<string, number> = {};
  let state: ShotState | null = null;
  let since = performance.now();
  let [done, standsStillSince] = [-1, since];
  let said: string | undefined;
  const outlook = async () => await client.call('getShotOutlook', { params: { shotId } }, { signal });
  let [etaSeconds, lookedAt] = [null as number | null, -Infinity];
  for (;;) {
    const shot = await client.call('getShot', { params: { shotId } }, { signal });
    const frames = shot.frames ?? 1;
    if (shot.state !== state) {
      const now = performance.now();
      if (state !== null) seconds[state] = (seconds[state] ?? 0) + (now - since) / 1000;
      [state, since] = [shot.state, now];
      const phase = PHASES[shot.state];
      if (phase !== undefined) progress.phase(phase, COUNTED.includes(shot.state) ? frames : undefined);
      standsStillSince = now;
      [etaSeconds, lookedAt] = [null, -Infinity];
    }
    if (COUNTED.includes(shot.state)) {
      if (performance.now() - lookedAt > LOOK_AHEAD_MS) {
        ({ etaSeconds } = await outlook());
        lookedAt = performance.now();
      }
      progress.update(Math.round(shot.progress * frames), frames, etaSeconds);
    }
    if (shot.progress !== done) [done, standsStillSince] = [shot.progress, performance.now()];
    if (COUNTED.includes(shot.state) && performance.now() - standsStillSince > STANDS_STILL_MS) {
      standsStillSince = performance.now();
      const { waiting } = await outlook();
      if (waiting !== null && waiting.text !== said) progress.note(`${shot.name} waits: ${waiting.text}`);
      said = waiting?.text;
    }
    if (SETTLED_SHOT_STATES.includes(shot.state)) {
      progress.end();
      if (shot.state === 'ready' || shot.state === 'released') return { shot, seconds };
      throw errorOf(shot);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

function errorOf(shot: Shot): UnderstudyError {
  if (shot.error !== null) {
    const { code, message, details } = shot.error;
    return new UnderstudyError(code, message, details === undefined ? {} : { details });
  }
  if (shot.state === 'cancelled') return new UnderstudyError('CANCELLED', `the shot ${shot.name} was cancelled`);
  if (shot.state === 'revoked') return new UnderstudyError('CONSENT_REVOKED', 'a consent of this shot was revoked');
  return new UnderstudyError('INTERNAL', `the shot ${shot.name} ended as ${shot.state}`);
}
