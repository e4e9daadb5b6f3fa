import { type ChildProcess, fork } from 'node:child_process';

import type { LaneNotice, LaneOrder } from '../messages.js';

export interface LaneProcessOptions {
  /** Program of the lane. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onNotice: (notice: LaneNotice) => void;
}

export interface LaneEnd {
  /** It ended by itself and well. */
  readonly well: boolean;
  /** How else, in the system's words: a signal's name or an exit code. */
  readonly how: string;
  /** The end of what it wrote to standard error: what a runtime says that takes the process with it. */
  readonly lastWords: string;
}

/** Characters. */
const LAST_WORDS = 4000;

/** One lane as an operating-system process, in a group of its own with the decoders and encoders it starts. */
export class LaneProcess {
  readonly #child: ChildProcess;
  #lastWords = '';
  /** Resolves when the process is gone. */
  readonly ended: Promise<LaneEnd>;

  constructor({ program, environment, onNotice }: LaneProcessOptions) {
    // Apart from our group, so that an interrupt from the terminal reaches the supervisor alone, which drains.
    this.#child = fork(program, [], {
      env: environment,
      detached: true,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    this.#child.on('message', (notice) => onNotice(notice as LaneNotice));
    this.ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve({ well: false, how: 'not started', lastWords: '' }));
      this.#child.once('exit', (code, signal) => {
        this.#killGroup();
        resolve({ well: code === 0, how: signal ?? `exit code ${code}`, lastWords: this.#lastWords.trim() });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(order: LaneOrder): void {
    // A lane that has just ended hears nothing; its end is dealt with where it is awaited.
    if (this.#child.connected) this.#child.send(order, () => {});
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Decoders and encoders of a lane that was killed. */
  #killGroup(): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
  }
}
