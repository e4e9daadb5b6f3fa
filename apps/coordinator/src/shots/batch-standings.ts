import { Injectable } from '@nestjs/common';
import { type BatchStanding, SETTLED_SHOT_STATES, type ShotState } from '@understudy/contracts';
import { etaSeconds } from '@understudy/policy';
import { notFound } from '../access/require-on.js';
import { BatchRepository, type BatchWork, type StateCount } from './batch.repository.js';
import { Outlooks } from './outlook.js';
import type { ShotHead } from './shot-row.js';

/** Shots that are asked why they wait; more would say little more. */
const MOST_ASKED = 20;

/** States in which nothing more of a shot is rendered. */
const RENDERED: readonly ShotState[] = ['assembling', 'verifying', ...SETTLED_SHOT_STATES];
const GIVEN_UP: readonly ShotState[] = ['failed', 'cancelled', 'revoked'];

/** How the shots of a batch stand together: what is done, what waits and why, how long it takes, what it cost. */
@Injectable()
export class BatchStandings {
  constructor(
    private readonly repository: BatchRepository,
    private readonly outlooks: Outlooks,
  ) {}

  async of(heads: readonly [ShotHead, ...ShotHead[]]): Promise<BatchStanding> {
    const [{ batch, projectId }] = heads;
    if (batch === null) throw notFound('batch');
    const shotIds = heads.map(({ id }) => id);
    const states = await this.repository.states(shotIds);
    const work = await this.repository.rendering(shotIds);
    const { total, accepted, waiting, running } = work;
    return {
      id: batch.id,
      projectId,
      name: batch.name,
      shots: states.map(({ state, shots }) => ({ state, shots })),
      settled: states.every(({ state }) => SETTLED_SHOT_STATES.includes(state)),
      frames: framesOf(states, work),
      shards: { total, accepted, waiting, running },
      etaSeconds: etaOf(states, work),
      laneSeconds: await this.repository.laneSeconds(shotIds),
      waiting: await this.#reasons(heads),
    };
  }

  async #reasons(heads: readonly ShotHead[]): Promise<BatchStanding['waiting']> {
    const ids = new Set(
      await this.repository.waiting(
        heads.map(({ id }) => id),
        MOST_ASKED,
      ),
    );
    const reasons = new Map<string, BatchStanding['waiting'][number]>();
    for (const head of heads.filter(({ id }) => ids.has(id))) {
      const { waiting } = await this.outlooks.of(head);
      if (waiting === null) continue;
      const { code, text } = waiting;
      reasons.set(code, { code, text, shots: (reasons.get(code)?.shots ?? 0) + 1 });
    }
    return [...reasons.values()].toSorted((one, other) => other.shots - one.shots);
  }
}

function framesOf(states: readonly StateCount[], { framesRendered }: BatchWork): BatchStanding['frames'] {
  const going = states.filter(({ state }) => !GIVEN_UP.includes(state));
  const isCounted = going.every(({ uncounted }) => uncounted === 0);
  return { total: isCounted ? going.reduce((sum, { frames }) => sum + frames, 0) : null, rendered: framesRendered };
}

/** By the shards that the batch's lanes have finished, whatever shots they were of. */
function etaOf(states: readonly StateCount[], work: BatchWork): number | null {
  const left = states.filter(({ state }) => !RENDERED.includes(state));
  if (left.some(({ uncounted }) => uncounted > 0)) return null;
  const framesLeft = left.reduce((sum, { frames }) => sum + frames, 0) - work.framesOfRendering;
  return etaSeconds({ ...work, framesLeft, shards: work.waiting + work.running });
}
