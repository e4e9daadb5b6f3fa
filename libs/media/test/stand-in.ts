import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MediaTools } from '../src/config.js';

/** A folder that every user may enter, with shell scripts in ffmpeg's place: decoders that somebody took over. */
export interface StandIns {
  readonly folder: string;
  /** Its arguments follow two of ours, which are taken off. */
  tools(script: string): Promise<MediaTools>;
  remove(): Promise<void>;
}

export async function standIns(): Promise<StandIns> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-stand-in-'));
  await chmod(folder, 0o755);
  let count = 0;
  return {
    folder,
    async tools(script) {
      const ffmpeg = join(folder, `ffmpeg-${++count}`);
      await writeFile(ffmpeg, `#!/bin/sh\nshift 2\n${script}\n`);
      await chmod(ffmpeg, 0o755);
      return { ffmpeg, ffprobe: ffmpeg, searchPath: '/usr/local/bin:/usr/bin:/bin' };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
