import cliProgress from 'cli-progress';

/** What a long command tells of itself, on standard error: a bar on a terminal, a line per phase elsewhere. */
export interface Progress {
  /** Begins a phase; `total` where it has a length. */
  phase(name: string, total?: number): void;
  update(done: number, total?: number): void;
  note(line: string): void;
  end(): void;
}

const BAR_FORMAT = '{phase} {bar} {percentage}% · {eta_formatted} left';

class TerminalProgress implements Progress {
  private bar: cliProgress.SingleBar | null = null;

  phase(name: string, total?: number): void {
    this.end();
    if (total === undefined) {
      process.stderr.write(`${name}\n`);
      return;
    }
    this.bar = new cliProgress.SingleBar(
      { format: BAR_FORMAT, stream: process.stderr, hideCursor: true, clearOnComplete: false, barsize: 30 },
      cliProgress.Presets.shades_classic,
    );
    this.bar.start(Math.max(1, total), 0, { phase: name.padEnd(12) });
  }

  update(done: number, total?: number): void {
    if (total !== undefined) this.bar?.setTotal(Math.max(1, total));
    this.bar?.update(done);
  }

  note(line: string): void {
    this.end();
    process.stderr.write(`${line}\n`);
  }

  end(): void {
    this.bar?.stop();
    this.bar = null;
  }
}

class LineProgress implements Progress {
  phase(name: string): void {
    process.stderr.write(`${name}\n`);
  }
  update(): void {}
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }
  end(): void {}
}

export function createProgress(): Progress {
  return process.stderr.isTTY === true ? new TerminalProgress() : new LineProgress();
}
