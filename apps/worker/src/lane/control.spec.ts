import { Worker } from 'node:worker_threads';

import { describe, expect, it } from 'vitest';

import { LaneControl, Stopped, monotonicMs } from './control.js';

const aborted = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason));
  });

describe('lane control', () => {
  it('goes on while the lease lasts, and not a moment longer', () => {
    const control = new LaneControl();
    control.begin(1000);
    expect(control.stopReason(999)).toBeNull();
    control.extend(2000);
    expect(control.stopReason(1999)).toBeNull();
    expect(control.stopReason(2000)).toBe('expired');
  });

  it('does not go on again after it has ended, whatever is heard later', () => {
    const control = new LaneControl();
    control.begin(1000);
    expect(control.stopReason(1000)).toBe('expired');
    control.extend(5000);
    control.stop('revoked');
    expect(control.stopReason(1001)).toBe('expired');
    control.begin(9000);
    expect(control.stopReason(1001)).toBeNull();
    expect(control.framesDone).toBe(0);
  });

  it('tells all who watch as soon as it is stopped, and none who closed', async () => {
    const control = new LaneControl();
    control.begin(monotonicMs() + 60_000);
    const [one, two, closed] = [control.watch(), new LaneControl(control.shared).watch(), control.watch()];
    closed.close();
    const since = performance.now();
    control.stop('revoked');
    expect(await aborted(one.signal)).toMatchObject({ reason: 'revoked' });
    expect(await aborted(two.signal)).toBeInstanceOf(Stopped);
    expect(performance.now() - since).toBeLessThan(90);
    expect(closed.signal.aborted).toBe(false);
    one.close();
    two.close();
  });

  it('notices the end of the lease by itself', async () => {
    const control = new LaneControl();
    control.begin(monotonicMs() + 150);
    const watch = control.watch();
    expect(await aborted(watch.signal)).toMatchObject({ reason: 'expired' });
    watch.close();
  });

  it('is heard in another thread while this one is blocked', async () => {
    const control = new LaneControl();
    control.begin(monotonicMs() + 60_000);
    const heard = new Int32Array(new SharedArrayBuffer(4));
    // Nothing of ours: a thread that waits on the control's first word, as a writer does.
    const code = `const { workerData: [control, heard] } = require('node:worker_threads');
      const words = new Int32Array(control, 0, 2);
      Atomics.store(heard, 0, 1); Atomics.notify(heard, 0);
      Atomics.wait(words, 0, 0, 5000);
      Atomics.store(heard, 0, 2); Atomics.notify(heard, 0);`;
    const worker = new Worker(code, { eval: true, workerData: [control.shared, heard] });
    await Atomics.waitAsync(heard, 0, 0, 5000).value;
    control.stop('stop');
    // Blocks this thread as an inference does; the other one must answer meanwhile.
    expect(['ok', 'not-equal']).toContain(Atomics.wait(heard, 0, 1, 5000));
    expect(Atomics.load(heard, 0)).toBe(2);
    await worker.terminate();
  });
});
