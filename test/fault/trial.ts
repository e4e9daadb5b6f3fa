import { expect } from 'vitest';
import type { FaultFarm } from './farm.js';
import type { Jobs } from './job.js';
import type { Gate, GatePlace, Held } from './ledger.js';
import type { Answer, Call } from './relay.js';
import type { FaultTable } from './table.js';

/** What a fault hit, and the row that says that the farm got over it. */
export interface Hit {
  readonly atMs: number;
  readonly over: readonly [sql: string, params: unknown[]];
}

/** One line of the list of faults. */
export interface FaultCase {
  readonly fault: string;
  readonly phase: string;
  /** Also in the short, everyday run: each kind of fault once. */
  readonly everyday?: true;
  /** Needs disks that can be filled. */
  readonly disks?: true;
  run(trial: Trial): Promise<void>;
}

export interface World {
  readonly farm: FaultFarm;
  readonly jobs: Jobs;
  readonly table: FaultTable;
  /** Hashes of the undisturbed delivery's frames. */
  readonly reference: readonly string[];
}

export interface ThroughOptions {
  /** Done before anything goes up. */
  readonly prepare?: (() => Promise<void>) | undefined;
  /** In a project of its own, where nothing was analysed before. */
  readonly fresh?: boolean;
  /** How long it may take to get over it: a minute, but a whole shot takes longer where the machine is busy. */
  readonly withinMs?: number;
}

export const taskAccepted = (taskId: string): Hit['over'] => [
  `SELECT 1 FROM tasks WHERE id = $1 AND state = 'accepted'`,
  [taskId],
];
export const hasLeft = (shotId: string, state: string): Hit['over'] => [
  'SELECT 1 FROM shot_versions WHERE shot_id = $1 AND state <> $2::shot_state',
  [shotId, state],
];
export const hasSegment = (shotId: string): Hit['over'] => [
  `SELECT 1 FROM segments s JOIN tasks t ON t.id = s.task_id JOIN shot_versions v ON v.id = t.shot_version_id
   WHERE v.shot_id = $1 LIMIT 1`,
  [shotId],
];
export const hitNow = (over: Hit['over']): Hit => ({ atMs: performance.now(), over });

export type Deal = (
  call: Call,
  held: Held & { shotId: string | null },
  forward: (call: Call) => Promise<Answer>,
) => Promise<Answer | null>;

/** A shot on its way through one fault, and the look at everything afterwards. */
export class Trial {
  readonly farm: FaultFarm;
  readonly jobs: Jobs;

  constructor(
    readonly world: World,
    private readonly one: FaultCase,
  ) {
    this.farm = world.farm;
    this.jobs = world.jobs;
  }

  async through(inflict: (shotId: string) => Promise<Hit>, options: ThroughOptions = {}): Promise<void> {
    const { farm, jobs } = this;
    await farm.ledger.forgiveLanes();
    const shotId = await jobs.submit(options.fresh, options.prepare);
    const { atMs, over } = await inflict(shotId);
    await farm.ledger.until(over[0], over[1], options.withinMs ?? 60_000);
    const recoveryS = (performance.now() - atMs) / 1000;
    await this.untilSettled(shotId);
    expect(await farm.ledger.state(shotId)).toBe('ready');
    const frames = await jobs.deliver(shotId);
    await this.record(shotId, recoveryS, frames);
    expect(frames).toEqual(this.world.reference);
    await this.allIsWell();
  }

  /** Waits until nothing happens to a shot by itself any more. */
  async untilSettled(shotId: string, withinMs = 60_000): Promise<void> {
    await this.farm.ledger.until(
      `SELECT 1 FROM shot_versions WHERE shot_id = $1 AND state IN ('ready', 'failed', 'revoked', 'cancelled', 'held')`,
      [shotId],
      withinMs,
    );
  }

  /** @param frames of the delivery; absent where there is none to be */
  async record(shotId: string, recoveryS: number, frames = this.world.reference): Promise<void> {
    const { fault, phase } = this.one;
    const framesLost = this.world.reference.filter((hash, frame) => frames[frame] !== hash).length;
    const attempts = await this.farm.ledger.renderAttempts(shotId);
    this.world.table.add({ fault, phase, recoveryS, framesLost, attempts });
  }

  async allIsWell(): Promise<void> {
    expect(await this.farm.ledger.faults()).toEqual([]);
    // A lane wipes its folder just after it was answered; a coordinator looks every five seconds for what a killed one left.
    await expect.poll(() => this.farm.leftovers(), { timeout: 12_000 }).toEqual([]);
  }

  /** The first call of this kind for a render attempt is dealt with by `deal`; all others pass. */
  once(deed: NonNullable<Call['deed']>, deal: Deal, isMeant: (call: Call) => boolean = () => true): Promise<void> {
    const { relay, ledger } = this.farm;
    return new Promise((resolve, reject) => {
      let dealt = false;
      relay.rule = async (call, forward) => {
        if (dealt || call.deed !== deed || call.attemptId === null || !isMeant(call)) return forward(call);
        const held = await ledger.attempt(call.attemptId);
        if (dealt || held === undefined || held.kind !== 'render') return forward(call);
        dealt = true;
        try {
          return await deal(call, held, forward);
        } catch (thrown) {
          reject(thrown instanceof Error ? thrown : new Error('the rule threw'));
          return null;
        } finally {
          relay.rule = undefined;
          resolve();
        }
      };
    });
  }

  /** Inflicts something while such a call is held; @returns what it hit. */
  async during(
    deed: NonNullable<Call['deed']>,
    deal: (...dealt: Parameters<Deal>) => Promise<{ hit: Hit; answer: Answer | null }>,
    isMeant?: (call: Call) => boolean,
  ): Promise<Hit> {
    let hit: Hit | undefined;
    const dealAndTell = async (...dealt: Parameters<Deal>): Promise<Answer | null> => {
      const done = await deal(...dealt);
      hit = done.hit;
      return done.answer;
    };
    await this.once(deed, dealAndTell, isMeant);
    if (hit === undefined) throw new Error('nothing was hit');
    return hit;
  }

  /** Stops a coordinator just before the transaction that ends this piece of work commits, and inflicts something there. */
  async atTheGate(
    place: GatePlace,
    inflict: (gate: Gate, holder: string, shotId: string) => Promise<void>,
  ): Promise<void> {
    let gate: Gate | undefined;
    await this.through(
      async (shotId) => {
        const holder = await gate!.reached();
        const atMs = performance.now();
        await inflict(gate!, holder, shotId);
        return { atMs, over: place === 'accepting' ? hasSegment(shotId) : hasLeft(shotId, place.leaving) };
      },
      {
        prepare: async () => void (gate = await this.farm.ledger.gate(place)),
        fresh: place !== 'accepting' && ONCE_A_PLATE.has(place.leaving),
      },
    );
  }
}

/** What is done only for a plate that nobody has analysed yet. */
const ONCE_A_PLATE: ReadonlySet<string> = new Set(['analysing', 'linking']);

/** Where the stages of a shot end, and where a shard does. */
export const GATES: readonly { phase: string; place: GatePlace }[] = [
  ...['ingesting', 'analysing', 'linking', 'planning', 'assembling', 'verifying'].map((state) => ({
    phase: `end of ${state}`,
    place: { leaving: state },
  })),
  { phase: 'accepting a shard', place: 'accepting' },
];

export const half = (call: Call): Call => ({ ...call, body: call.body.subarray(0, call.body.length >> 1) });

export const codeOf = (answer: Answer | undefined): unknown =>
  (JSON.parse(answer?.body.toString() ?? '{}') as { error?: { code?: string } }).error?.code;
