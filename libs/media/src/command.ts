import ffmpeg from 'fluent-ffmpeg';
import type { ArgumentList } from './run-tool.js';
import type { MediaContainer } from './sniff.js';

export interface InputOptions {
  /** The demuxer is always named: ffmpeg never guesses one from content or name. */
  readonly demuxer: string;
  readonly options?: readonly string[];
}

/** ffmpeg's demuxer of each container we take. The `_pipe` demuxers know no numbered file names (`%03d`). */
export const DEMUXERS: Readonly<Record<MediaContainer, string>> = {
  mov: 'mov',
  matroska: 'matroska',
  avi: 'avi',
  mpegts: 'mpegts',
  png: 'png_pipe',
  jpeg: 'jpeg_pipe',
};

/** What every input carries: local files only, nothing that a file names is opened. */
export function guardedInput(demuxer: string): string[] {
  const guards = ['-protocol_whitelist', 'file,pipe', '-f', demuxer];
  return demuxer === 'mov' ? [...guards, '-enable_drefs', '0'] : guards;
}

/**
 * One ffmpeg command line, built with fluent-ffmpeg and run by ourselves: its own runner looks for programs, probes
 * inputs and passes the whole environment on.
 */
export class CommandLine {
  readonly #command = ffmpeg();

  input(source: string, { demuxer, options = [] }: InputOptions): this {
    this.#command.input(source).inputOptions(...pairsOf([...guardedInput(demuxer), ...options]));
    return this;
  }

  /** Raw frames on stdin. */
  rawInput(options: readonly string[]): this {
    this.#command
      .input('pipe:0')
      .inputOptions(...pairsOf(['-protocol_whitelist', 'file,pipe', '-f', 'rawvideo', ...options]));
    return this;
  }

  output(target: string, options: ArgumentList): this {
    this.#command.output(target).outputOptions(...pairsOf(options.flat()));
    return this;
  }

  args(): string[] {
    // oxlint-disable-next-line no-underscore-dangle -- typed and stable, the one way to the finished list
    return ['-loglevel', 'error', ...this.#command._getArguments()];
  }
}

/** fluent-ffmpeg splits a lone option at its blank; two or more are taken as they are. */
function pairsOf(options: readonly string[]): [string, string, ...string[]] {
  const [first, second, ...rest] = options;
  if (first === undefined || second === undefined) throw new RangeError('an input or output has at least one option');
  return [first, second, ...rest];
}
