import { Worker, parentPort, workerData } from 'node:worker_threads';

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

/** A worker thread that does one thing and gives one result. */
export class FrameThread<Data, Result> {
  /** @throws UnderstudyError, Stopped, RingBroken: what the thread ended with */
  readonly result: Promise<Result>;

  constructor(program: URL, data: Data) {
    const worker = new Worker(program, { workerData: data, execArgv: THREAD_FLAGS });
    this.result = new Promise((resolve, reject) => {
      let outcome: Outcome | undefined;
      worker.on('message', (message: Outcome) => {
        outcome = message;
      });
      worker.on('error', (error) => reject(asUnderstudyError(error)));
      // Not before its end: until then it may hold files and processes.
      worker.on('exit', () => settle(outcome, resolve as (result: unknown) => void, reject));
    });
    // Awaited later than it may fail.
    this.result.catch(() => {});
  }
}

function settle(outcome: Outcome | undefined, resolve: (result: unknown) => void, reject: (error: Error) => void) {
  if (outcome?.type === 'done') resolve(outcome.result);
  else if (outcome?.type === 'stopped') reject(new Stopped(outcome.reason));
  else if (outcome?.type === 'broken') reject(new RingBroken('the other side gave up'));
  else if (outcome?.type === 'failed') reject(received(outcome.error, outcome.stack));
  else reject(new UnderstudyError('INTERNAL', 'A frame thread ended without a result.'));
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

/** The thread's side: runs the work and tells how it ended. */
export async function runFrameThread<Data, Result>(work: (data: Data) => Promise<Result>): Promise<void> {
  if (parentPort === null) throw new Error('this program runs as a worker thread');
  parentPort.postMessage(await outcomeOf(work), []);
}

async function outcomeOf<Data, Result>(work: (data: Data) => Promise<Result>): Promise<Outcome> {
  try {
    return { type: 'done', result: await work(workerData as Data) };
  } catch (thrown) {
    if (thrown instanceof Stopped) return { type: 'stopped', reason: thrown.reason };
    if (thrown instanceof RingBroken) return { type: 'broken' };
    return { type: 'failed', ...sendable(thrown) };
  }
}
