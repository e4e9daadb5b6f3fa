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

/** Threads that wait for their next piece of work, by program: starting one costs more than many a shard. */
const idle = new Map<string, Worker[]>();

function idleThread(program: URL): Worker | undefined {
  const threads = idle.get(program.href) ?? [];
  for (let thread = threads.pop(); thread !== undefined; thread = threads.pop()) {
    // One that has ended meanwhile has no number any more.
    if (thread.threadId !== -1) return thread;
  }
  return undefined;
}

/** One piece of work on a worker thread, with one result. */
export class FrameThread<Data, Result> {
  /** Settles when the thread holds no file or process any more. @throws UnderstudyError, Stopped, RingBroken */
  readonly result: Promise<Result>;

  constructor(program: URL, data: Data) {
    const worker = idleThread(program) ?? new Worker(program, { execArgv: THREAD_FLAGS });
    this.result = new Promise((resolve, reject) => {
      const end = (outcome?: Outcome) => {
        worker.off('message', finished).off('error', failed).off('exit', exited);
        settle(outcome, resolve as (result: unknown) => void, reject);
      };
      const finished = (outcome: Outcome) => {
        end(outcome);
        // An idle thread keeps no process alive.
        worker.unref();
        idle.set(program.href, [...(idle.get(program.href) ?? []), worker]);
      };
      const failed = (error: unknown) => end({ type: 'failed', ...sendable(error) });
      const exited = () => end();
      worker.once('message', finished).once('error', failed).once('exit', exited);
    });
    // Awaited later than it may fail.
    this.result.catch(() => {});
    worker.ref();
    worker.postMessage(data, []);
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

/** The thread's side: does one piece of work after another and tells how each ended. */
export function serveFrameThread<Data, Result>(work: (data: Data) => Promise<Result>): void {
  const port = parentPort;
  if (port === null) throw new Error('this program runs as a worker thread');
  port.on('message', (data: Data) => void outcomeOf(work, data).then((outcome) => port.postMessage(outcome, [])));
}

async function outcomeOf<Data, Result>(work: (data: Data) => Promise<Result>, data: Data): Promise<Outcome> {
  try {
    return { type: 'done', result: await work(data) };
  } catch (thrown) {
    if (thrown instanceof Stopped) return { type: 'stopped', reason: thrown.reason };
    if (thrown instanceof RingBroken) return { type: 'broken' };
    return { type: 'failed', ...sendable(thrown) };
  }
}
