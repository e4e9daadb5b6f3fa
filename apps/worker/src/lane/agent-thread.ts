import { parentPort, workerData } from 'node:worker_threads';

import { createNodeClient } from '@understudy/client/node';
import { type ObjectRef, UnderstudyError, toUnderstudyError } from '@understudy/contracts';

import { received } from '../frames/thread.js';
import { openLog } from '../log.js';
import { LaneAgent } from './agent.js';
import { heldBy, type AgentData, type AgentNotice, type AgentOrder } from './agent-messages.js';
import type { ObjectSource } from './attempt.js';
import { LaneControl, Stopped } from './control.js';
import { LaneToken } from './lane-token.js';
import type { LaneTask, TaskExecutor, TaskResult } from './task.js';

/** The lane's thread for everything that speaks to the coordinator, so that a blocked inference can never miss a lease. */

const LEASE_WAIT_SECONDS = 20;

if (parentPort === null) throw new Error('agent-thread runs as a worker thread');
const port = parentPort;
const { config, capabilities, control } = workerData as AgentData;
const tell = (notice: AgentNotice): void => port.postMessage(notice);

/** Objects by way of the supervisor, which keeps them once for the whole host. */
class SupervisorObjects implements ObjectSource {
  readonly #waiting = new Map<number, { resolve: (path: string) => void; reject: (error: Error) => void }>();
  #requests = 0;

  acquire(ref: ObjectRef, signal: AbortSignal): Promise<string> {
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      const abandon = () => {
        if (!this.#waiting.delete(request)) return;
        this.release(ref.sha256);
        reject(new UnderstudyError('CANCELLED', 'The object is no longer needed.'));
      };
      if (signal.aborted) return reject(new UnderstudyError('CANCELLED', 'The object is no longer needed.'));
      signal.addEventListener('abort', abandon, { once: true });
      const settled = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          signal.removeEventListener('abort', abandon);
          settle(value);
        };
      };
      this.#waiting.set(request, { resolve: settled(resolve), reject: settled(reject) });
      tell({ type: 'acquire', request, ref });
    });
  }

  release(sha256: string): void {
    tell({ type: 'release', sha256 });
  }

  answer(order: AgentOrder & { type: 'acquired' | 'refused' }): void {
    const waiting = this.#waiting.get(order.request);
    this.#waiting.delete(order.request);
    if (order.type === 'acquired') waiting?.resolve(order.path);
    else waiting?.reject(received(order.error, undefined));
  }
}

/** The work itself is done by the main thread, which owns the models. */
class MainThreadExecutor implements TaskExecutor {
  #running: { resolve: (result: TaskResult) => void; reject: (error: Error) => void } | undefined;

  run(task: LaneTask): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      this.#running = { resolve, reject };
      tell({ type: 'run', task });
    });
  }

  answer(order: AgentOrder & { type: 'done' | 'stopped' | 'failed' }): void {
    const running = this.#running;
    this.#running = undefined;
    if (order.type === 'done') running?.resolve(order.result);
    else if (order.type === 'stopped') running?.reject(new Stopped(order.reason));
    else running?.reject(received(order.error, order.stack));
  }
}

const log = openLog(config.logLevel, { lane: config.ordinal });
const objects = new SupervisorObjects();
const executor = new MainThreadExecutor();
const token = new LaneToken(config.workerToken, (refused) => tell({ type: 'token_refused', token: refused }));
const client = createNodeClient({ baseUrl: config.coordinatorUrl, token: () => token.value });
const agent = new LaneAgent({
  client,
  control: new LaneControl(control),
  objects,
  executor,
  scratch: config.scratch,
  logFolder: config.logFolder,
  log,
  drainGraceMs: config.drainGraceMs,
  resultPatienceMs: config.resultPatienceMs,
  registration: { ordinal: config.ordinal, host: config.host, capabilities },
  leaseWaitSeconds: LEASE_WAIT_SECONDS,
  random: Math.random,
  onTokenRefused: (signal) => token.another(signal),
  onRegistered: () => tell({ type: 'registered' }),
  onAttempt: (lease) => tell({ type: 'attempt', held: lease === null ? null : heldBy(lease) }),
});

port.on('message', (order: AgentOrder) => {
  if (order.type === 'token') token.replace(order.token);
  else if (order.type === 'drain') agent.drain();
  else if (order.type === 'abort') agent.abort();
  else if (order.type === 'acquired' || order.type === 'refused') objects.answer(order);
  else if (order.type === 'done' || order.type === 'stopped' || order.type === 'failed') executor.answer(order);
});

try {
  await agent.run();
  tell({ type: 'over' });
} catch (thrown) {
  tell({ type: 'fatal', error: toUnderstudyError(thrown).toBody().error });
} finally {
  client.close();
  port.close();
}
