/** Where the ffmpeg programs are; the only place of this library that reads the environment. */
export interface MediaTools {
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** Directories searched for bare program names. */
  readonly searchPath: string;
}

/**
 * Reads `UNDERSTUDY_FFMPEG`, `UNDERSTUDY_FFPROBE` (a name or an absolute path) and `PATH`.
 * Nothing else of the environment reaches an ffmpeg process.
 */
export function mediaTools(env: NodeJS.ProcessEnv = process.env): MediaTools {
  return {
    ffmpeg: env['UNDERSTUDY_FFMPEG'] ?? 'ffmpeg',
    ffprobe: env['UNDERSTUDY_FFPROBE'] ?? 'ffprobe',
    searchPath: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  };
}
