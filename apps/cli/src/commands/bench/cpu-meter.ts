import { cpuMs } from './process-usage.js';

/** Processor milliseconds by name, of all threads of this process. */
export class CpuMeter {
  readonly #spentMs = new Map<string, number>();
  readonly #running: { name: string; sinceMs: number }[] = [];

  /** Counts the work under this name; what is metered within it counts there alone. */
  async meter<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    const started = { name, sinceMs: ownMs() };
    const outer = this.#running.at(-1);
    if (outer !== undefined) this.#add(outer.name, started.sinceMs - outer.sinceMs);
    this.#running.push(started);
    try {
      return await work();
    } finally {
      const now = ownMs();
      this.#running.pop();
      this.#add(name, now - started.sinceMs);
      if (outer !== undefined) outer.sinceMs = now;
    }
  }

  get(name: string): number {
    return this.#spentMs.get(name) ?? 0;
  }

  #add(name: string, ms: number): void {
    this.#spentMs.set(name, this.get(name) + ms);
  }
}

/** Processor milliseconds that this process and the programs it starts take for a piece of work. */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = await cpuMs(process.pid, true);
  await work();
  return (await cpuMs(process.pid, true)) - before;
}

function ownMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
