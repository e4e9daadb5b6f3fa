import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Lease } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { isUrgent, nextWork } from '@understudy/policy';
import { AnchorHold } from '../audit/anchor-hold.js';
import { AuditWriter, type NewAuditEvent } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { ConsentGate, type GateVerdict } from '../consents-gate/consent-gate.js';
import { type Clock, CLOCK, CONFIG, DATABASE } from '../platform/tokens.js';
import { Batches } from './batches.js';
import {
  type Candidate,
  ClaimRepository,
  type LaneQueue,
  type Leased,
  type Queues,
  type Take,
} from './claim.repository.js';
import type { Lane } from './lane.js';
import { LeaseContents } from './lease-contents.js';
import { Refusals } from './refusals.js';

/** Pauses before a shot is looked at again whose row or consents somebody was changing. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 80;
/** Lanes that one transaction serves at most, and how long it waits for more of them while they come together. */
const BATCH = { most: 64, gatherMs: 24 };

interface Given {
  readonly task: Candidate;
  readonly lane: Lane;
  readonly consentIds: readonly string[];
}

/** What one transaction came to. */
interface Round {
  readonly leases: readonly (readonly [Lane, Lease])[];
  /** Nothing waited that these lanes could do. */
  readonly nothing: boolean;
  /** Shots that are passed over from now on: their consents refuse. */
  readonly refused: string[];
  /** Shots and queues that are passed over for a while: somebody is changing what the claim stands on, or has taken what waited. */
  readonly contended: string[];
}

type Outcome = 'leased' | 'refused' | 'contended';

/**
 * Gives tasks to lanes: one transaction that picks them, evaluates their consents, leases them and writes it down. Lanes
 * of one kind that ask at the same time are served by the same transaction.
 */
@Injectable()
export class Claims {
  /** By what the lanes can do: whoever can do the same is served together. */
  readonly #batches = new Map<string, Batches<Lane, Lease | null>>();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    private readonly tasks: ClaimRepository,
    private readonly gate: ConsentGate,
    private readonly contents: LeaseContents,
    private readonly refusals: Refusals,
    private readonly audit: AuditWriter,
    private readonly anchorHold: AnchorHold,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @returns null when there is nothing for this lane now
   * @throws UnderstudyError LOG_BEHIND_ANCHOR
   */
  async claim(lane: Lane): Promise<Lease | null> {
    this.anchorHold.refuse();
    let batches = this.#batches.get(lane.can);
    if (batches === undefined) {
      batches = new Batches((lanes: readonly Lane[]) => this.#claimAll(lanes), BATCH);
      this.#batches.set(lane.can, batches);
    }
    return await batches.add(lane);
  }

  /** Goes down the queues until every lane has something or nothing is left. Shots that were refused are not looked at again. */
  async #claimAll(lanes: readonly Lane[]): Promise<(Lease | null)[]> {
    const leases = new Map<Lane, Lease>();
    const refused: string[] = [];
    let contended: string[] = [];
    for (let pauseMs = FIRST_PAUSE_MS; leases.size < lanes.length;) {
      const passOver = [...refused, ...contended];
      const left = lanes.filter((lane) => !leases.has(lane));
      const round = await this.database
        .hotTransaction(async (sql) => await this.#round(sql, left, passOver))
        .catch((error: unknown) => {
          // What was leased before this round is committed, and its lanes must hear of it.
          if (leases.size > 0) return null;
          throw error;
        });
      if (round === null) break;
      for (const [lane, lease] of round.leases) leases.set(lane, lease);
      for (const shotVersionId of round.refused) await this.refusals.refuse(shotVersionId, 'lease');
      refused.push(...round.refused);
      contended.push(...round.contended);
      if (!round.nothing) continue;
      if (contended.length === 0 || leases.size > 0 || pauseMs > LONGEST_PAUSE_MS) break;
      await delay(pauseMs);
      pauseMs *= 2;
      contended = [];
    }
    return lanes.map((lane) => leases.get(lane) ?? null);
  }

  async #round(sql: Sql, lanes: readonly Lane[], passOver: readonly string[]): Promise<Round> {
    const [lane] = lanes;
    if (lane === undefined) return { leases: [], nothing: true, refused: [], contended: [] };
    const waiting = await this.tasks.queues(sql, lane, passOver);
    const takes = decide(waiting, lanes.length, this.clock.now().getTime());
    const allowed = takes.length === 0 ? [] : await this.tasks.withinCaps(sql, takes, waiting.projects);
    const tasks = allowed.length === 0 ? [] : await this.tasks.take(sql, allowed, lanes);
    const shots = [...new Set(tasks.flatMap(({ shotVersionId }) => (shotVersionId === null ? [] : [shotVersionId])))];
    const verdicts = shots.length === 0 ? NO_VERDICTS : await this.gate.checkWithoutWaiting(sql, shots, 'lease');
    const outcomes = new Map<string, Outcome>();
    for (const id of shots) outcomes.set(id, await this.#mayLease(sql, lane, tasks, verdicts.get(id), id));
    const may = tasks.filter(({ shotVersionId: id }) => id === null || outcomes.get(id) === 'leased');
    const given = share(may, lanes).map((pair): Given => ({ ...pair, consentIds: consentsOf(pair.task, verdicts) }));
    // A queue whose tasks others are just taking gives nothing: the next one in line is looked at. So is where nobody was given
    // anything, so that each round gives something or has fewer queues to look at than the one before.
    const got = new Set((given.length > 0 ? tasks : []).map(({ queue }) => queue));
    const dry = takes.map(({ queue }) => queue.name).filter((name) => !got.has(name));
    const having = (outcome: Outcome): string[] => shots.filter((id) => outcomes.get(id) === outcome);
    return {
      leases: given.length === 0 ? [] : await this.#lease(sql, given),
      nothing: takes.length === 0,
      refused: having('refused'),
      contended: [...having('contended'), ...dry],
    };
  }

  async #mayLease(
    sql: Sql,
    lane: Lane,
    tasks: readonly Candidate[],
    verdict: GateVerdict | undefined,
    shotVersionId: string,
  ): Promise<Outcome> {
    if (verdict === undefined) return 'contended';
    if (!verdict.allowed) return 'refused';
    const unpinned = tasks.some(
      (task) => task.shotVersionId === shotVersionId && task.kind === 'render' && task.pinned === null,
    );
    if (unpinned && !(await this.tasks.pinParityClass(sql, shotVersionId, lane.parityClass))) return 'contended';
    return 'leased';
  }

  async #lease(sql: Sql, given: readonly Given[]): Promise<(readonly [Lane, Lease])[]> {
    const { LEASE_SECONDS: leaseSeconds } = this.config;
    const leased = await this.tasks.lease(sql, given, leaseSeconds);
    const pairs = given.map((one, index) => ({ ...one, leased: leased[index]! }));
    await this.audit.appendAll(sql, pairs.map(eventOf));
    const leases = await this.contents.ofAll(sql, pairs);
    return given.map(({ lane }, index) => [lane, leases[index]!] as const);
  }
}

const NO_VERDICTS: ReadonlyMap<string, GateVerdict> = new Map();

/** How many tasks of which queue so many lanes get, one lane after the other. */
function decide({ projects, queues }: Queues, lanes: number, nowMs: number): Take[] {
  const given = new Map<string, number>();
  const counts = new Map<LaneQueue, number>();
  let urgentGiven = 0;
  for (let n = 0; n < lanes; n += 1) {
    const choice = nextWork({ nowMs, queues, projects, given, urgentGiven, isLocal: ({ begun }) => begun });
    if (choice === null) break;
    if (isUrgent(choice.queue)) urgentGiven += 1;
    const { queue } = choice;
    given.set(queue.projectId, (given.get(queue.projectId) ?? 0) + 1);
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
  }
  return [...counts].map(([queue, count]) => ({ queue, count }));
}

/** Each lane one task that it is not to avoid; the tasks with somebody to avoid choose first, for they have less to choose from. */
function share(tasks: readonly Candidate[], lanes: readonly Lane[]): { task: Candidate; lane: Lane }[] {
  const free = [...lanes];
  return tasks
    .toSorted((a, b) => b.avoid.length + b.avoidWorkers.length - (a.avoid.length + a.avoidWorkers.length))
    .flatMap((task) => {
      const index = free.findIndex(
        ({ id, workerId }) => !task.avoid.includes(id) && !task.avoidWorkers.includes(workerId),
      );
      return index < 0 ? [] : [{ task, lane: free.splice(index, 1)[0]! }];
    });
}

function consentsOf(task: Candidate, verdicts: ReadonlyMap<string, GateVerdict>): readonly string[] {
  return task.shotVersionId === null ? [] : (verdicts.get(task.shotVersionId)?.consentIds ?? []);
}

function eventOf({ task, lane, consentIds, leased }: Given & { leased: Leased }): NewAuditEvent {
  return {
    actor: `worker:${lane.workerId}`,
    action: 'task.leased',
    subjectType: 'Task',
    subjectId: task.id,
    projectId: task.projectId,
    shotId: task.shotId,
    data: {
      attempt: leased.attemptId,
      epoch: leased.epoch,
      lane: lane.id,
      kind: task.kind,
      startFrame: task.startFrame,
      endFrame: task.endFrame,
      consents: consentIds,
      parityClass: lane.parityClass,
    },
  };
}
