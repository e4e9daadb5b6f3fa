export interface FaultLine {
  readonly fault: string;
  readonly phase: string;
  readonly recoveryS: number;
  readonly framesLost: number;
  /** Of the shot's shards, all together. */
  readonly attempts: number;
}

const HEAD = ['fault', 'phase', 'times', 'recovery s', 'frames lost', 'render attempts'];

/** What a run of faults came to. Each line is said at once too, for a run that is cut short. */
export class FaultTable {
  readonly #lines: FaultLine[] = [];

  add(line: FaultLine): void {
    this.#lines.push(line);
    process.stdout.write(`${line.fault}, ${line.phase}: over it after ${line.recoveryS.toFixed(1)} s\n`);
  }

  /** A row for each fault and phase: how often, and the worst of each figure. */
  text(): string {
    const groups = new Map<string, FaultLine[]>();
    for (const one of this.#lines) {
      const key = `${one.fault}\n${one.phase}`;
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    const rows = [...groups.values()].map((lines) => [
      lines[0]!.fault,
      lines[0]!.phase,
      String(lines.length),
      Math.max(...lines.map(({ recoveryS }) => recoveryS)).toFixed(1),
      String(Math.max(...lines.map(({ framesLost }) => framesLost))),
      String(Math.max(...lines.map(({ attempts }) => attempts))),
    ]);
    const widths = HEAD.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
    const line = (row: readonly string[]): string =>
      row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(' | ');
    return [line(HEAD), widths.map((width) => '-'.repeat(width)).join('-|-'), ...rows.map(line)].join('\n');
  }
}
