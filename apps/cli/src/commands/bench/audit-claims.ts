import { UnderstudyError } from '@understudy/contracts';
import { appendAuditEvents, type Database } from '@understudy/db';
import { benchEvent } from './audit-appends.js';
import type { BenchFarm, BenchLane } from './bench-farm.js';
import { HttpLine } from './http-line.js';
import { quantile } from './quantile.js';
import { seedShots } from './seed.js';

const ROUNDS = 12;
const CLAIMS_A_ROUND = 50;
const WARM_UP = 50;
const APPENDS = 300;
const LANES_BESIDE = 4;

export interface ClaimPrice {
  /** Part of a claim's time over HTTP that writing its event down takes: the statement by itself, medians of each. */
  readonly claimOverhead: number;
  readonly claimMs: number;
  readonly appendMs: number;
  /**
   * The same from rounds of claims by turns with and without the event's row, its indexes and its part of the write-ahead log:
   * medians. Within the machine's noise it may be below nothing.
   */
  readonly claimOverheadByTurns: number;
  readonly claimMsWithoutRow: number;
}

/** Drops what is inserted, while it is enabled: the one way to have a claim whose event is not kept. */
const UNWRITTEN = `
  CREATE FUNCTION bench_unwritten() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
  CREATE TRIGGER bench_unwritten BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION bench_unwritten();
  ALTER TABLE audit_events DISABLE TRIGGER bench_unwritten`;

/** What a claim pays for its line in the audit log. */
export async function priceOfEvent(farm: BenchFarm, writer: Database): Promise<ClaimPrice> {
  const [lane] = await farm.addLanes(1);
  if (lane === undefined) throw new UnderstudyError('INTERNAL', 'the bench has no lane');
  await seedShots(farm, { name: 'audit bench', shots: 4, shardsEach: WARM_UP + ROUNDS * CLAIMS_A_ROUND });
  await farm.owner.query(UNWRITTEN);
  const line = new HttpLine(farm.address, lane.token);
  const claim = async (): Promise<void> => {
    if (!(await claimOnce(line, lane)))
      throw new UnderstudyError('INTERNAL', 'the coordinator of the bench gave no lease');
  };
  const [written, unwritten]: [number[], number[]] = [[], []];
  await timed(WARM_UP, claim);
  for (let round = 0; round < ROUNDS; round += 1) {
    const without = round % 2 === 1;
    await farm.owner.query(`ALTER TABLE audit_events ${without ? 'ENABLE' : 'DISABLE'} TRIGGER bench_unwritten`);
    (without ? unwritten : written).push(...(await timed(CLAIMS_A_ROUND, claim)));
  }
  line.close();
  await farm.owner.query('DROP TRIGGER bench_unwritten ON audit_events; DROP FUNCTION bench_unwritten()');
  const appends = await writer.hotTransaction(async (sql) => {
    const append = (): Promise<void> => appendAuditEvents(sql, [benchEvent(0)], new Date());
    await timed(WARM_UP, append);
    return timed(APPENDS, append);
  });
  const [claimMs, without, appendMs] = [written, unwritten, appends].map((values) => quantile(values, 0.5)) as [
    number,
    number,
    number,
  ];
  return {
    claimOverhead: rounded(appendMs / claimMs, 3),
    claimMs: rounded(claimMs, 2),
    appendMs: rounded(appendMs, 2),
    claimOverheadByTurns: rounded((claimMs - without) / claimMs, 3),
    claimMsWithoutRow: rounded(without, 2),
  };
}

/** Lanes that claim one task after another, as a load beside something else. */
export class ClaimingLanes {
  #isStopping = false;
  #claims = 0;
  readonly #startedMs = performance.now();

  private constructor(private readonly running: Promise<unknown>[]) {}

  static async start(farm: BenchFarm): Promise<ClaimingLanes> {
    await seedShots(farm, { name: 'audit bench load', shots: 100, shardsEach: 1000 });
    const lanes = new ClaimingLanes([]);
    for (const lane of await farm.addLanes(LANES_BESIDE)) lanes.running.push(lanes.#claim(farm, lane));
    return lanes;
  }

  /** @returns claims a second, of all lanes together */
  async stop(): Promise<number> {
    this.#isStopping = true;
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const perSecond = rounded(this.#claims / seconds, 1);
    await Promise.all(this.running);
    return perSecond;
  }

  async #claim(farm: BenchFarm, lane: BenchLane): Promise<void> {
    const line = new HttpLine(farm.address, lane.token);
    while (!this.#isStopping) if (await claimOnce(line, lane)) this.#claims += 1;
    line.close();
  }
}

async function claimOnce(line: HttpLine, { laneId }: BenchLane): Promise<boolean> {
  const { status, body } = await line.post(`/api/v1/lanes/${laneId}/lease`, { waitSeconds: 0 });
  return status === 200 && (body as { lease: unknown }).lease !== null;
}

async function timed(times: number, work: () => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const startedMs = performance.now();
    await work();
    taken.push(performance.now() - startedMs);
  }
  return taken;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
