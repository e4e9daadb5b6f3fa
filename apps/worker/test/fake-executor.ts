import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type LaneControl, Stopped, monotonicMs } from '../src/lane/control.js';
import type { LaneTask, TaskExecutor, TaskResult } from '../src/lane/task.js';
import { held } from './fake-coordinator.js';

/** Works frame by frame until it is stopped or has done its frames. */
export class FakeExecutor implements TaskExecutor {
  frames = 1;
  frameMs = 1;
  error: Error | undefined;
  readonly tasks: LaneTask[] = [];
  lastFrameAtMs = 0;

  constructor(private readonly control: LaneControl) {}

  async run(task: LaneTask): Promise<TaskResult> {
    this.tasks.push(task);
    const path = join(task.folder, 'result');
    await writeFile(path, 'result');
    if (this.error !== undefined) throw this.error;
    for (let frame = 0; frame < this.frames; frame++) {
      await held(this.frameMs);
      const reason = this.control.stopReason();
      if (reason !== null) throw new Stopped(reason);
      this.control.frameDone();
      this.lastFrameAtMs = monotonicMs();
    }
    const result = { sha256: 'b'.repeat(64), bytes: 6, frames: this.frames };
    return { path, report: { result, timingsMs: { work: 1 } } };
  }
}
