import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Encoding, recipePreset } from '@understudy/contracts';
import { frameHashes } from '@understudy/media';
import { drawClip, drawPortrait, FIRST, pngOf, THIRD } from '@understudy/sample';
import { party } from '../../apps/cli/src/commands/consent.js';
import { newConsentDocument } from '../../apps/cli/src/consent/document.js';
import { operatorKey } from '../../apps/cli/src/consent/operator-key.js';
import { createFaceReader } from '../../apps/cli/src/faces/face-reader.js';
import { localProject } from '../../apps/cli/src/job/local-project.js';
import { finishShot, type ShotJob, type ShotJobContext, submitShot } from '../../apps/cli/src/job/shot-job.js';
import { readLocalFile } from '../../apps/cli/src/job/upload.js';
import type { FaultFarm } from './farm.js';

export const FRAMES = 24;
export const SHARDS = 4;

/** The same lossless replacement, as often as it is asked for. */
export class Jobs {
  readonly #context: ShotJobContext;
  #submitted = 0;

  private constructor(
    farm: FaultFarm,
    private readonly dir: string,
    private readonly jobIn: (project: string, name: string) => Promise<ShotJob>,
  ) {
    this.#context = {
      client: farm.client,
      progress: { phase: () => {}, update: () => {}, note: () => {}, end: () => {} },
      signal: new AbortController().signal,
      readFace: createFaceReader(farm.homeDir),
      projectOf: localProject,
    };
  }

  static async draw(farm: FaultFarm): Promise<Jobs> {
    const { dir, homeDir } = farm;
    const plate = join(dir, 'plate.mp4');
    const person = { person: FIRST, x: 160, y: 85, unitPx: 28, performanceSeed: 3, pitchHz: 205, facing: 0 };
    await drawClip({ width: 320, height: 180, framesPerSecond: 24, frames: FRAMES, cast: [person], out: plate });
    const portraits = { identity: THIRD, lead: FIRST };
    for (const [name, who] of Object.entries(portraits)) {
      await writeFile(join(dir, `${name}.png`), await pngOf((await drawPortrait(who)).picture));
    }
    const parties = [
      await party('identity', 'stand-in', [join(dir, 'identity.png')], homeDir),
      await party('plate', 'lead', [join(dir, 'lead.png')], homeDir),
    ];
    const files = { plate: await readLocalFile(plate), identity: await readLocalFile(join(dir, 'identity.png')) };
    const key = await operatorKey(homeDir);
    return new Jobs(farm, dir, async (project, name) => ({
      project,
      name,
      plate: files.plate,
      recipe: recipePreset('replace'),
      casts: [{ identities: [files.identity], plateFace: null }],
      keepFaces: [],
      consents: [
        newConsentDocument({ project, operations: ['replace' as const], parties, validDays: 1 }, key, new Date()),
      ],
      encoding: Encoding.parse({ mode: 'lossless' }),
      container: 'mp4',
      shardFrames: FRAMES / SHARDS,
      leastShards: 1,
    }));
  }

  /**
   * @param fresh in a project of its own, where no image was read and nothing analysed before
   * @param prepare is done before anything goes up
   * @returns the shot's id
   */
  async submit(fresh = false, prepare: () => Promise<void> = async () => {}): Promise<string> {
    const number = (this.#submitted += 1);
    const job = await this.jobIn(fresh ? `fault ${number}` : 'faults', `sc${number}`);
    await prepare();
    return (await submitShot(job, this.#context)).shot.id;
  }

  /** Waits for the shot, releases it and @returns the hashes of the delivery's frames, in order. */
  async deliver(shotId: string): Promise<string[]> {
    const out = join(this.dir, `${shotId}.mp4`);
    await finishShot(shotId, out, this.#context);
    return await frameHashes(out);
  }
}
