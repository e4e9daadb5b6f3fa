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
    pattern: /Invalid data found when processing input|could not find codec parameters|Decoder .* not found/i,
    code: 'UNREADABLE_MEDIA',
    message: 'the file could not be decoded; it is damaged or not what it says it is',
  },
];

export function failureOf(run: FailedRun, fallback: ErrorCode, details: Record<string, unknown>): UnderstudyError {
  const shared = { ...details, tool: run.tool, exitCode: run.exitCode, stderr: run.stderrTail };
  if (run.exitCode === 127 || run.exitCode === 126) {
    return new UnderstudyError('FFMPEG_MISSING', `${run.tool} was not found; ${INSTALL_HINT}`, { details: shared });
  }
  const symptom = SYMPTOMS.find(({ pattern }) => pattern.test(run.stderrTail));
  if (symptom) return new UnderstudyError(symptom.code, symptom.message, { details: shared });
  const how = run.killedBy ? `was killed by ${run.killedBy}` : `ended with exit code ${run.exitCode}`;
  return new UnderstudyError(fallback, `${run.tool} ${how}; details hold the end of its log`, { details: shared });
}

export const INSTALL_HINT = 'install ffmpeg 5.1 or newer: apt-get install -y ffmpeg';
