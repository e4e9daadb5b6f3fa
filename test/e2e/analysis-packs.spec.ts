import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShotReport } from '@understudy/contracts';
import { drawPortrait, FIRST, pngOf } from '@understudy/sample';
import { expect, it } from 'vitest';
import { addGenerated } from '../../libs/face/test/graphs.js';
import { stillDetector, stillLandmarks } from '../../libs/face/test/still-packs.js';
import { understudy, withFolder } from './understudy.js';

/** Of the plate's 640 x 480, which the detector's input of 640 shows as it is: beside the person, where nobody is. */
const BOX = { x: 440, y: 260, width: 128, height: 160 };
const [WIDTH, HEIGHT] = [640, 480];

it('a shot is analysed by the packs that it names: its faces are where they say, not where the built-in models see them', async () => {
  await withFolder(async (dir) => {
    const at = (name: string): string => join(dir, name);
    writeFileSync(at('person.png'), await pngOf((await drawPortrait(FIRST)).picture));
    const drawn = ['-loop', '1', '-i', at('person.png'), '-frames:v', '12'];
    const beside = `scale=-2:${HEIGHT},pad=${WIDTH}:${HEIGHT}:0:0:gray`;
    execFileSync('ffmpeg', ['-v', 'error', ...drawn, '-vf', beside, '-pix_fmt', 'yuv420p', at('plate.mp4')]);
    await addGenerated(dir, 'yunet_2023_mar', stillDetector(BOX));
    await addGenerated(dir, '2dfan4', stillLandmarks());
    const work = ['--recipe', 'anonymise', '--style', 'solid', '--basis', 'a test', '--accept-uncertain', 'a test'];
    const analysis = ['--detector', 'yunet_2023_mar', '--landmarks', '2dfan4'];
    const target = ['--target', at('plate.mp4'), '--out', at('out.mkv'), '--lossless', '--lanes', '1', '--json'];
    const made = await understudy(['render', ...target, ...work, ...analysis], { env: { UNDERSTUDY_HOME: dir } });
    expect(made.stderr).not.toMatch(/^error/m);
    expect(made.json<ShotReport>()).toMatchObject({ frames: 12, waivers: expect.arrayContaining(['pack_unapproved']) });
    const [before, after] = [lastFrame(at('plate.mp4')), lastFrame(at('out.mkv'))];
    const [x, y] = [BOX.x + BOX.width / 2, BOX.y + BOX.height / 2];
    expect(after[y * WIDTH + x]).not.toBe(before[y * WIDTH + x]);
    // The person, whom the built-in detector finds, keeps every sample.
    for (let row = 0; row < HEIGHT; row += 1) {
      const person = [row * WIDTH, row * WIDTH + 330] as const;
      expect(after.subarray(...person).equals(before.subarray(...person)), `row ${row}`).toBe(true);
    }
  });
});

/** Its luma. */
function lastFrame(path: string): Buffer {
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'gray', '-'];
  const all = execFileSync('ffmpeg', ['-v', 'error', '-i', path, ...raw], { maxBuffer: 64 * 1024 * 1024 });
  return all.subarray(all.length - WIDTH * HEIGHT);
}
