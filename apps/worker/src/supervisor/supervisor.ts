import { setTimeout as delay } from 'node:timers/promises';

import { type ErrorBody, toUnderstudyError, UnderstudyError } from '@understudy/contracts';

import type { Card, ProviderCandidate } from '@understudy/inference';

import type { WorkerConfig } from '../config/config.js';
import type { LaneLog } from '../log.js';
import type { LogSpool } from '../logs/log-spool.js';
import type { HeldAttempt, LaneConfig, LaneNotice } from '../messages.js';
import { Backoff } from './backoff.js';
import type { LaneProvider } from './lane-provider.js';
import { LaneProcess } from './lane-process.js';
import type { FarmSession } from './farm-session.js';
import type { ObjectCache } from './object-cache.js';
import type { Scratch } from './scratch.js';

export interface SupervisorOptions {
  readonly config: WorkerConfig;
  /** What the lanes run models with. */
  readonly candidate: LaneProvider;
  /** That the lanes run on; none of a processor. */
  readonly cards: readonly Card[];
  readonly scratch: Scratch;
  readonly logs: LogSpool;
  readonly objects: ObjectCache;
  readonly log: LaneLog;
  /** Tells the coordinator that the lane at work on this died. */
  readonly report: (held: HeldAttempt, message: string) => Promise<unknown>;
  readonly session: Pick<FarmSession, 'token' | 'refused'>;
  /** The lane's program; tests put another in its place. */
  readonly program: string;
}

/** A lane that was told to end at once and has not by then is killed. */
const ABORT_GRACE_MS = 3_000;
/** How often a lane is told how much has come of what it waits for. */
const TELL_MS = 1_000;
/** Beyond the lanes' own grace: joining threads, a last report. */
const DRAIN_MARGIN_MS = 15_000;

/** Keeps one process a lane alive, lends them the host's object cache, and ends them in good order. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #lanes = new Map<number, LaneProcess>();
  readonly #ending = new AbortController();
  readonly #ready = new Set<number>();
  readonly #held = new Map<number, HeldAttempt>();
  #fatal: ErrorBody['error'] | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Returns when all lanes have ended. @throws UnderstudyError when no lane of this worker can work. */
  async run(): Promise<void> {
    const ordinals = Array.from({ length: this.#options.config.lanes }, (_, ordinal) => ordinal);
    await Promise.all(ordinals.map((ordinal) => this.#keepLane(ordinal)));
    this.#options.objects.close();
    if (this.#fatal !== undefined) throw new UnderstudyError(this.#fatal.code, this.#fatal.message);
  }

  /** No more work is taken; what is under way is finished if that is quick, else handed back. */
  drain(): void {
    this.#ending.abort();
    this.#tell('drain', 2 * this.#options.config.drainGraceMs + DRAIN_MARGIN_MS);
  }

  /** At once. */
  abort(): void {
    this.#ending.abort();
    this.#tell('abort', ABORT_GRACE_MS);
  }

  /** What the lanes are to speak to the coordinator with from now on. */
  replaceToken(token: string): void {
    for (const lane of this.#lanes.values()) lane.send({ type: 'token', token });
  }

  /** No lane of this worker can work. */
  giveUp(error: ErrorBody['error']): void {
    this.#fatal ??= error;
    this.drain();
  }

  #tell(type: 'drain' | 'abort', killAfterMs: number): void {
    for (const lane of this.#lanes.values()) {
      lane.send({ type });
      const timer = setTimeout(() => lane.kill(), killAfterMs);
      void lane.ended.finally(() => clearTimeout(timer));
    }
  }

  async #keepLane(ordinal: number): Promise<void> {
    const { log, scratch, objects, logs } = this.#options;
    const backoff = new Backoff();
    while (!this.#ending.signal.aborted) {
      const startedAt = performance.now();
      const lane = this.#start(ordinal);
      this.#lanes.set(ordinal, lane);
      log.info({ lane: ordinal, pid: lane.pid }, 'lane started');
      const { well, how, lastWords } = await lane.ended;
      this.#lanes.delete(ordinal);
      this.#answerFor(ordinal, how);
      objects.releaseAll(ownerOf(ordinal));
      await scratch.wipeLane(ordinal);
      await logs.endLane(ordinal, how, lastWords);
      if (this.#ending.signal.aborted) break;
      const pauseMs = backoff.pauseMs(performance.now() - startedAt);
      log.warn({ lane: ordinal, well, how, pauseMs }, 'lane ended');
      await delay(pauseMs, undefined, { signal: this.#ending.signal }).catch(() => {});
    }
  }

  /** The task of a lane that died need not wait for its lease to end; and what ends one lane after another comes to light. */
  #answerFor(ordinal: number, how: string): void {
    const held = this.#held.get(ordinal);
    this.#held.delete(ordinal);
    if (held === undefined) return;
    const { log, report } = this.#options;
    const { attemptId, range } = held;
    const where = range === null ? 'on this task' : `on frames [${range[0]}, ${range[1]})`;
    log.error({ lane: ordinal, attemptId, how, range }, 'a lane died at work');
    // When nobody hears it, the lease's end says the same later.
    report(held, `The lane's process ended (${how}) while it worked ${where}.`).catch((thrown: unknown) => {
      log.warn({ lane: ordinal, attemptId, code: toUnderstudyError(thrown).code }, 'nobody was told of it');
    });
  }

  #start(ordinal: number): LaneProcess {
    const { config, candidate, cards, program } = this.#options;
    const lane = new LaneProcess({
      program,
      environment: {
        ...config.laneEnvironment,
        ...deviceEnvironment(candidate, cardOf(cards, ordinal), config, ordinal),
      },
      onNotice: (notice) => void this.#hear(ordinal, lane, notice),
    });
    lane.send({ type: 'start', config: this.#laneConfig(ordinal) });
    return lane;
  }

  #laneConfig(ordinal: number): LaneConfig {
    const { config, scratch, logs } = this.#options;
    const { host, coordinatorUrl, dataDir, threads, logLevel } = config;
    const { provider, precision, engines, builtInTests } = this.#options.candidate;
    const card = cardOf(this.#options.cards, ordinal);
    const { drainGraceMs, resultPatienceMs } = config;
    return {
      ordinal,
      host,
      coordinatorUrl,
      workerToken: this.#options.session.token,
      dataDir,
      scratch: scratch.lane(ordinal),
      logFolder: logs.lane(ordinal),
      provider,
      precision,
      ...(engines === undefined ? {} : { engines }),
      ...(builtInTests === undefined ? {} : { builtInTests }),
      ...(card === undefined ? {} : { card }),
      threads,
      logLevel,
      drainGraceMs,
      resultPatienceMs,
    };
  }

  async #hear(ordinal: number, lane: LaneProcess, notice: LaneNotice): Promise<void> {
    const { log, objects } = this.#options;
    if (notice.type === 'registered') this.#registered(ordinal);
    else if (notice.type === 'attempt') this.#atWork(ordinal, notice.held);
    else if (notice.type === 'release') objects.release(notice.sha256, ownerOf(ordinal));
    else if (notice.type === 'token_refused') await this.#options.session.refused(notice.token);
    else if (notice.type === 'fatal') this.giveUp(notice.error);
    else {
      const { request, ref } = notice;
      const owner = ownerOf(ordinal);
      // A plate that takes long to fetch is seen to come.
      const telling = setInterval(() => lane.send({ type: 'received', bytes: objects.receivedBy(owner) }), TELL_MS);
      try {
        lane.send({ type: 'acquired', request, path: await objects.acquire(ref, owner) });
      } catch (thrown) {
        const error =
          thrown instanceof UnderstudyError ? thrown : new UnderstudyError('INTERNAL', 'The object cache failed.');
        log.warn({ lane: ordinal, sha256: ref.sha256, code: error.code }, 'object not to be had');
        lane.send({ type: 'refused', request, error: error.toBody().error });
      } finally {
        clearInterval(telling);
      }
    }
  }

  #atWork(ordinal: number, held: HeldAttempt | null): void {
    if (held === null) this.#held.delete(ordinal);
    else this.#held.set(ordinal, held);
  }

  #registered(ordinal: number): void {
    const { log, config } = this.#options;
    this.#ready.add(ordinal);
    if (this.#ready.size === config.lanes) log.info({ lanes: config.lanes }, 'lanes ready');
  }
}

function ownerOf(ordinal: number): string {
  return `lane-${ordinal}`;
}

/** One card a lane; more lanes than cards take turns at them. */
function cardOf(cards: readonly Card[], ordinal: number): Card | undefined {
  return cards[ordinal % cards.length];
}

/** A name that is the same card whichever way cards are counted. */
function deviceEnvironment(
  { provider }: ProviderCandidate,
  card: Card | undefined,
  { lanes, laneEnvironment }: WorkerConfig,
  ordinal: number,
): Record<string, string> {
  if (card !== undefined) return { CUDA_VISIBLE_DEVICES: card.uuid };
  if ((provider !== 'cuda' && provider !== 'tensorrt') || lanes < 2) return {};
  // A container may have cards and no driver's program to ask about them.
  const given = laneEnvironment['CUDA_VISIBLE_DEVICES']?.split(',');
  return { CUDA_VISIBLE_DEVICES: given?.[ordinal % given.length] ?? String(ordinal) };
}
