import { UnderstudyError } from '@understudy/contracts';
import { mediaTools, type MediaTools } from './config.js';
import { INSTALL_HINT } from './failure.js';
import { toolOutput } from './run-tool.js';

export interface FfmpegCheck {
  /** As the program states it: `5.1.9-0+deb12u1`. */
  readonly version: string;
  readonly programs: MediaTools;
}

const LEAST_VERSION = [5, 1] as const;
const ENCODERS = ['libx264', 'aac', 'png', 'mjpeg'];

/**
 * Finds ffmpeg and ffprobe and checks that they can do what this library asks of them.
 *
 * @throws FFMPEG_MISSING when a program, a version of at least 5.1 or an encoder is missing, with the command that installs it
 */
export async function checkFfmpeg(tools: MediaTools = mediaTools()): Promise<FfmpegCheck> {
  const [version] = await Promise.all([versionOf('ffmpeg', tools), versionOf('ffprobe', tools)]);
  const { stdout } = await toolOutput({
    tool: 'ffmpeg',
    args: ['-v', 'error', '-encoders'],
    timeLimitMs: 20_000,
    tools,
  });
  const missing = ENCODERS.filter((name) => !new RegExp(`^ [VA]\\S+ ${name} `, 'm').test(stdout));
  if (missing.length > 0) {
    throw new UnderstudyError('FFMPEG_MISSING', `this ffmpeg lacks encoders; ${INSTALL_HINT}`, {
      details: { missing },
    });
  }
  return { version, programs: tools };
}

async function versionOf(tool: 'ffmpeg' | 'ffprobe', tools: MediaTools): Promise<string> {
  const { stdout } = await toolOutput({ tool, args: ['-version'], timeLimitMs: 20_000, tools }).catch((cause) => {
    if (cause instanceof UnderstudyError && cause.code === 'FFMPEG_MISSING') throw cause;
    const message = `${tool} cannot be run by the user that decodes; install it for everybody: apt-get install -y ffmpeg`;
    throw new UnderstudyError('FFMPEG_MISSING', message, { cause });
  });
  const version = new RegExp(`^${tool} version (\\S+)`).exec(stdout)?.[1] ?? '';
  if (!isAtLeast(version, LEAST_VERSION)) {
    throw new UnderstudyError('FFMPEG_MISSING', `${tool} is too old; ${INSTALL_HINT}`, { details: { version } });
  }
  return version;
}

/** Builds from source carry no number (`N-109…`, `git-2024-…`); they are newer than any release we must refuse. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^n?(\d+)\.(\d+)/.exec(version);
  if (!match) return /^(N-|git-|20\d\d)/.test(version);
  const [gotMajor, gotMinor] = [Number(match[1]), Number(match[2])];
  return gotMajor > major || (gotMajor === major && gotMinor >= minor);
}
