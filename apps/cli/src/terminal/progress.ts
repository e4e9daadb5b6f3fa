import cliProgress from 'cli-progress';

/** What a long command tells of itself, on standard error: a bar on a terminal, a line per phase elsewhere. */
export interface Progress {
  /** Begins a phase; `total` where it has a length. */
  phase(name: string, total?: number): void;
  /** @param leftSeconds how long the phase still takes by whoever knows; a bar guesses nothing itself */
  update(done: number, total?: number, leftSeconds?: number | null): void;
  note(line: string): void;
  end(): void;
}

const BAR_FORMAT = '{phase} {bar} {percentage}%{left}';

/** What a bar says of the time that is left; nothing where nobody knows. */
export function leftText(seconds: number | null): string {
  if (seconds === null) return '';
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return ` · about ${hours} h ${minutes} min left`;
  return minutes > 0 ? ` · about ${minutes} min left` : ` · about ${Math.ceil(seconds)} s left`;
}

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
    this.bar.start(Math.max(1, total), 0, { phase: name.padEnd(12), left: '' });
  }

  update(done: number, total?: number, leftSeconds: number | null = null): void {
    if (total !== undefined) this.bar?.setTotal(Math.max(1, total));
    this.bar?.update(done, { left: leftText(leftSeconds) });
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
