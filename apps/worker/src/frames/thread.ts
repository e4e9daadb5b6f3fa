import { Worker, parentPort } from 'node:worker_threads';

import { type ErrorBody, UnderstudyError } from '@understudy/contracts';

import { Stopped, type StopReason } from '../lane/control.js';
import { asUnderstudyError } from '../lane/failure.js';
import { RingBroken } from './ring.js';

type Outcome =
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'stopped'; readonly reason: StopReason }
  /** The other side of a ring gave up; the reason is there. */
  | { readonly type: 'broken' }
  | { readonly type: 'failed'; readonly error: ErrorBody['error']; readonly stack: string | undefined };

/** Not what this process was started with: under a test runner that would lead back to the sources. */
const THREAD_FLAGS = ['--enable-source-maps'];

/** Compiled in this folder's place; from the sources it is the last build's. */
export function threadProgram(path: string): URL {
  const here = import.meta.url.replace('/apps/worker/src/', '/apps/worker/dist/');
  return new URL(`../${path}.js`, here);
}

/** A thread that does one piece of work after another, and keeps no process alive between them. */
export class WorkThread {
  readonly #worker: Worker;
  #isOver = false;

  constructor(program: URL) {
    this.#worker = new Worker(program, { execArgv: THREAD_FLAGS });
    this.#worker.once('exit', () => (this.#isOver = true));
  }

  /** It has ended and does nothing any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends it, whatever it is at, and gives back what it holds. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /**
   * One piece, once the last one is done. Settles when the thread holds nothing of it any more.
   *
   * @throws UnderstudyError, Stopped, RingBroken
   */
  async run<Given, Result>(given: Given): Promise<Result> {
    const worker = this.#worker;
    // Nothing would ever answer.
    if (this.#isOver) return resultOf(undefined) as Result;
    const outcome = await new Promise<Outcome | undefined>((resolve) => {
      const end = (ended?: Outcome) => {
        worker.off('message', end).off('error', failed).off('exit', exited);
        resolve(ended);
      };
      const failed = (error: unknown) => end({ type: 'failed', ...sendable(error) });
      const exited = () => end();
      worker.once('message', end).once('error', failed).once('exit', exited);
      worker.ref();
      worker.postMessage(given, []);
    });
    worker.unref();
    return resultOf(outcome) as Result;
  }
}

/** Threads that wait for their next piece of work, by program: starting one costs more than many a shard. */
const idle = new Map<string, WorkThread[]>();

/** One piece of work on whichever thread of this program is idle. */
export async function onIdleThread<Given, Result>(program: URL, given: Given): Promise<Result> {
  const threads = (idle.get(program.href) ?? []).filter(({ isOver }) => !isOver);
  const thread = threads.pop() ?? new WorkThread(program);
  idle.set(program.href, threads);
  try {
    return await thread.run<Given, Result>(given);
  } finally {
    idle.set(program.href, [...(idle.get(program.href) ?? []), thread]);
  }
}

function resultOf(outcome: Outcome | undefined): unknown {
  if (outcome?.type === 'done') return outcome.result;
  if (outcome?.type === 'stopped') throw new Stopped(outcome.reason);
  if (outcome?.type === 'broken') throw new RingBroken('the other side gave up');
  if (outcome?.type === 'failed') throw received(outcome.error, outcome.stack);
  throw new UnderstudyError('INTERNAL', 'A thread ended without a result.');
}

/** An error from another thread: its text, and where it was thrown. */
export function received(error: ErrorBody['error'], stack: string | undefined): UnderstudyError {
  const { code, message, details } = error;
  const cause = stack === undefined ? undefined : Object.assign(new Error(code), { stack });
  return new UnderstudyError(code, message, { cause, ...(details === undefined ? {} : { details }) });
}

/** What an error becomes on its way to another thread. */
export function sendable(thrown: unknown): { error: ErrorBody['error']; stack: string | undefined } {
  const error = asUnderstudyError(thrown);
  const origin = error.cause instanceof Error ? error.cause : error;
  return { error: error.toBody().error, stack: origin.stack };
}

/** The thread's side: does one piece of work after another and tells how each ended. */
export function serveWork<Given, Result>(work: (given: Given) => Promise<Result>): void {
  const port = parentPort;
  if (port === null) throw new Error('this program runs as a worker thread');
  port.on('message', (given: Given) => void outcomeOf(work, given).then((outcome) => port.postMessage(outcome, [])));
}

async function outcomeOf<Given, Result>(work: (given: Given) => Promise<Result>, given: Given): Promise<Outcome> {
  try {
    return { type: 'done', result: await work(given) };
  } catch (thrown) {
    if (thrown instanceof Stopped) return { type: 'stopped', reason: thrown.reason };
    if (thrown instanceof RingBroken) return { type: 'broken' };
    return { type: 'failed', ...sendable(thrown) };
  }
}
