import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEmbedding } from '@understudy/face/track';
import { drawGroup, drawPortrait, FIRST, pngOf, type RgbImage, SAMPLE_SITTINGS, THIRD } from '@understudy/sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { createFaceReader } from '../../apps/cli/src/faces/face-reader.js';
import { type EnrolledFace, findFaceConflict } from '../../apps/coordinator/src/performers/face-match.js';

/** Drawn people and the default models: what a name is laundered with, and what stops it. */
describe('enrolling a face that is not what it is said to be', () => {
  let dir: string;
  let first: RgbImage;
  let third: RgbImage;
  const read = createFaceReader(readConfig().homeDir);

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'understudy-enrolment-'));
    first = (await drawPortrait(FIRST, SAMPLE_SITTINGS[0])).picture;
    third = (await drawPortrait(THIRD, SAMPLE_SITTINGS[0])).picture;
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function enrolled(performer: string, name: string, picture: RgbImage): Promise<EnrolledFace> {
    const path = join(dir, `${name}.png`);
    await writeFile(path, await pngOf(picture));
    const { template, recogniser } = await read.detailed(path);
    return { performer, sha256: name, recogniser, embedding: decodeEmbedding(template) };
  }

  /** Two pictures laid over each other; eyes and mouths of the drawn portraits lie at the same places. */
  const morph = (share: number): RgbImage => ({
    ...first,
    data: first.data.map((sample, at) => Math.round(sample * (1 - share) + (third.data[at] ?? 0) * share)),
  });

  it('the two are strangers, and may both be enrolled', async () => {
    const faces = [await enrolled('P-1', 'first', first), await enrolled('P-2', 'third', third)];
    expect(findFaceConflict(faces, [])).toBeNull();
  });

  it('one face under a second name, in another picture, is refused', async () => {
    const known = [await enrolled('P-1', 'first', first)];
    const again = (await drawPortrait(FIRST, SAMPLE_SITTINGS[1])).picture;
    const laundered = await enrolled('P-9', 'first-again', again);
    expect(findFaceConflict([laundered], known)).toMatchObject({
      kind: 'enrolled-under-another-name',
      performer: 'P-1',
    });
  });

  it.each([0.5, 0.6])('a morph with a share of %s of the second is refused under each name', async (share) => {
    const known = [await enrolled('P-1', 'first', first), await enrolled('P-2', 'third', third)];
    for (const performer of ['P-1', 'P-2', 'P-3']) {
      const conflict = findFaceConflict([await enrolled(performer, `morph-${share}`, morph(share))], known);
      expect(conflict?.kind, performer).toBe('enrolled-under-another-name');
    }
  });

  it('a picture of two people is refused before it is a face at all', async () => {
    const path = join(dir, 'two.png');
    await writeFile(path, await pngOf((await drawGroup([{ person: FIRST }, { person: THIRD }], 1024, 576)).picture));
    await expect(read.detailed(path)).rejects.toMatchObject({ code: 'TWO_FACES_IN_IMAGE' });
  });
});
