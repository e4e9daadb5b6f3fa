import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Frames of the plate that `makePlate` draws. */
export const PLATE_FRAMES = 30;

/** Moving colours and a tone, a second and a quarter: a real file of few bytes. */
export async function makePlate(path: string): Promise<void> {
  const rate = 24;
  const seconds = PLATE_FRAMES / rate;
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=96x64:rate=${rate}:duration=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '24', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await run('ffmpeg', ['-v', 'error', '-y', ...picture, ...sound, ...coding, path]);
}
