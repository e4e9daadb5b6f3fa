import { Worker } from 'node:worker_threads';

import type { TaskRunner } from '../tasks.js';
import { sendable } from '../frames/thread.js';
import type { LaneConfig, LaneNotice, LaneOrder } from '../messages.js';
import type { AgentData, AgentNotice, AgentOrder } from './agent-messages.js';
import { type LaneControl, Stopped } from './control.js';
import type { LaneTask } from './task.js';

/** The main thread's half of a lane: runs the tasks that the protocol thread leases. */
export class LaneHost {
  readonly over: Promise<void>;
  isOver = false;
  readonly #agent: Worker;
  readonly #control: LaneControl;
  readonly #runner: TaskRunner;
  readonly #tell: (notice: LaneNotice) => void;

  constructor(config: LaneConfig, control: LaneControl, runner: TaskRunner, tell: (notice: LaneNotice) => void) {
    this.#control = control;
    this.#runner = runner;
    this.#tell = tell;
    const data: AgentData = { config, capabilities: runner.capabilities, control: control.shared };
    this.#agent = new Worker(new URL('agent-thread.js', import.meta.url), { workerData: data });
    this.over = new Promise((resolve, reject) => {
      this.#agent.on('message', (notice: AgentNotice) => {
        if (notice.type === 'over') this.isOver = true;
        this.#hear(notice);
      });
      this.#agent.once('error', reject);
      this.#agent.once('exit', () => resolve());
    });
  }

  obey(order: Exclude<LaneOrder, { type: 'start' }>): void {
    // Before the protocol thread hears of it: what is being written stops now.
    if (order.type === 'abort') this.#control.stop('shutdown');
    if (order.type === 'received') this.#control.received(order.bytes);
    else this.#say(order);
  }

  #hear(notice: AgentNotice): void {
    if (notice.type === 'run') void this.#run(notice.task);
    else if (notice.type !== 'over') this.#tell(notice);
  }

  async #run(task: LaneTask): Promise<void> {
    try {
      this.#say({ type: 'done', result: await this.#runner.run(task) });
    } catch (thrown) {
      const reason = thrown instanceof Stopped ? thrown.reason : this.#control.stopReason();
      this.#say(reason === null ? { type: 'failed', ...sendable(thrown) } : { type: 'stopped', reason });
    }
  }

  #say(order: AgentOrder): void {
    this.#agent.postMessage(order, []);
  }
}
