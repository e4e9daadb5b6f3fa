import { readdir, readFile } from 'node:fs/promises';

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** User and system time of a process so far, milliseconds; with its children's where asked. 0 of one that is gone. */
export async function cpuMs(pid: number, withChildren = false): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  if (!withChildren) return own * TICK_MS;
  const reaped = Number(fields[13] ?? 0) + Number(fields[14] ?? 0);
  let children = 0;
  for (const child of await childrenOf(pid)) children += await cpuMs(child, true);
  return (own + reaped) * TICK_MS + children;
}

/** Resident memory of a process, MiB. */
export async function rssMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

/** Resident memory of the largest process among one and its children, MiB. */
export async function largestRssMiB(pid: number): Promise<number> {
  const children = await Promise.all((await childrenOf(pid)).map((child) => largestRssMiB(child)));
  return Math.max(await rssMiB(pid), ...children);
}

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) =>
    list
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  );
}
