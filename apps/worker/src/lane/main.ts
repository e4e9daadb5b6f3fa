import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';

import { toUnderstudyError } from '@understudy/contracts';

import type { LaneConfig, LaneNotice, LaneOrder } from '../messages.js';
import { createTaskRunner } from '../tasks.js';
import { LaneControl } from './control.js';
import { LaneHost } from './lane-host.js';

/** A lane: models and inference in this thread; decoding, encoding and the protocol in threads of their own. */

const tell = (notice: LaneNotice): void => {
  if (process.connected) process.send?.(notice);
};

let config: LaneConfig | undefined;
let host: LaneHost | undefined;

// The supervisor alone decides when a lane ends; an interrupt from the terminal is meant for it.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

// A lane does not outlive its supervisor, however that ended. Nobody else would wipe what it wrote.
process.on('disconnect', () => {
  if (config !== undefined) rmSync(config.scratch, { recursive: true, force: true });
  process.exit(host?.isOver === true ? 0 : 1);
});

process.on('message', (order: LaneOrder) => {
  if (order.type === 'start') void start(order.config);
  else host?.obey(order);
});

async function start(given: LaneConfig): Promise<void> {
  config = given;
  try {
    await mkdir(given.scratch, { recursive: true, mode: 0o700 });
    const control = new LaneControl();
    host = new LaneHost(given, control, await createTaskRunner(given, control), tell);
    await host.over;
  } catch (thrown) {
    tell({ type: 'fatal', error: toUnderstudyError(thrown).toBody().error });
    process.exitCode = 1;
  }
  process.disconnect();
}
