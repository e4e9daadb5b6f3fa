import { UnderstudyError, type ErrorCode } from '@understudy/contracts';

/** What a failed run leaves for the error: messages stay free of names and paths, which go to `details`. */
export interface FailedRun {
  readonly tool: 'ffmpeg' | 'ffprobe';
  readonly exitCode: number | null;
  readonly killedBy: string | null;
  /** The last lines of stderr. */
  readonly stderrTail: string;
}

interface Symptom {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
}

/** First match wins. The texts are libav's own and have not changed between ffmpeg 5 and 8. */
const SYMPTOMS: readonly Symptom[] = [
  {
    pattern: /No space left on device|Disk quota exceeded|File too large/,
    code: 'DISK_FULL',
    message: 'the disk is full; free some space or choose another folder, then run again',
  },
  {
    pattern: /moov atom not found|File ended prematurely|partial file|Truncating packet|truncated/i,
    code: 'TRUNCATED_MEDIA',
    message: 'the file is cut off; copy it again from its source',
  },
  {
    pattern: /Permission denied|Read-only file system/,
    code: 'OUTPUT_UNWRITABLE',
    message: 'a file could not be opened for lack of permission',
  },
  {
    pattern: /Protocol .* not on whitelist|not in allowed_extensions|Unsafe file name/,
    code: 'PLAYLIST_REFUSED',
    message: 'the file refers to other files; give the media itself',
  },
  {
    pattern: /Decoder .* not found|no decoder found for/i,
    code: 'FFMPEG_FAILED',
    message: "this host's ffmpeg has no decoder for the file; install a build that has all of them",
  },
  {
    pattern: /Invalid data found when processing input|could not find codec parameters/i,
    code: 'UNREADABLE_MEDIA',
    message: 'the file could not be decoded; it is damaged or not what it says it is',
  },
];

/**
 * Signals that come from outside: the kernel that ran out of memory, an operator, a file that went away under a mapping. What a
 * hostile file can bring about itself (SIGSEGV, SIGABRT, SIGXCPU) is not among them.
 */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGBUS']);

export function failureOf(run: FailedRun, fallback: ErrorCode, details: Record<string, unknown>): UnderstudyError {
  const shared = { ...details, tool: run.tool, exitCode: run.exitCode, stderr: run.stderrTail };
  if (run.exitCode === 127 || run.exitCode === 126) {
    return new UnderstudyError('FFMPEG_MISSING', `${run.tool} was not found; ${INSTALL_HINT}`, { details: shared });
  }
  if (run.killedBy !== null && FROM_OUTSIDE.has(run.killedBy)) {
    return new UnderstudyError('FFMPEG_FAILED', `${run.tool} was killed by ${run.killedBy}; try again`, {
      details: shared,
    });
  }
  const symptom = SYMPTOMS.find(({ pattern }) => pattern.test(run.stderrTail));
  if (symptom) return new UnderstudyError(symptom.code, symptom.message, { details: shared });
  const how = run.killedBy ? `was killed by ${run.killedBy}` : `ended with exit code ${run.exitCode}`;
  return new UnderstudyError(fallback, `${run.tool} ${how}; details hold the end of its log`, { details: shared });
}

export const INSTALL_HINT = 'install ffmpeg 5.1 or newer: apt-get install -y ffmpeg';
