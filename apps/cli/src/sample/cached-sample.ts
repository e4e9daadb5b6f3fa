import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { drawSample, SAMPLE_PLATE, SAMPLE_VERSION } from '@understudy/sample';
import { z } from 'zod';
import type { Progress } from '../terminal/progress.js';

/** Where the drawn sample lies. */
export interface SampleFiles {
  readonly plate: string;
  readonly identities: readonly string[];
  readonly firstReferences: readonly string[];
  readonly truth: string;
  readonly frames: number;
}

const Names = z.object({
  plate: z.string(),
  identities: z.array(z.string()).min(1),
  firstReferences: z.array(z.string()).min(1),
  truth: z.string(),
});

const NAMES_FILE = 'names.json';

/** The sample, drawn on first use and kept in the home folder. */
export async function cachedSample(homeDir: string, progress: Progress, signal: AbortSignal): Promise<SampleFiles> {
  const folder = join(homeDir, 'sample', SAMPLE_VERSION);
  const names = (await readNames(folder)) ?? (await draw(folder, progress, signal));
  const at = (name: string): string => join(folder, name);
  return {
    plate: at(names.plate),
    identities: names.identities.map(at),
    firstReferences: names.firstReferences.map(at),
    truth: at(names.truth),
    frames: SAMPLE_PLATE.frames,
  };
}

async function readNames(folder: string): Promise<z.infer<typeof Names> | null> {
  const text = await readFile(join(folder, NAMES_FILE), 'utf8').catch(() => null);
  return text === null ? null : Names.parse(JSON.parse(text));
}

async function draw(folder: string, progress: Progress, signal: AbortSignal): Promise<z.infer<typeof Names>> {
  const partial = `${folder}.${process.pid}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    progress.phase('drawing', 100);
    const sample = await drawSample({
      outDir: partial,
      signal,
      onProgress: (done) => progress.update(Math.round(done * 100)),
    });
    progress.end();
    const name = (path: string): string => relative(partial, path);
    const names = {
      plate: name(sample.plate),
      identities: sample.identities.map(name),
      firstReferences: sample.plateReferences.first.map(name),
      truth: name(sample.truth),
    };
    await writeFile(join(partial, NAMES_FILE), JSON.stringify(names));
    // Of two commands at once, the first one's drawing stays; both are the same.
    await rename(partial, folder).catch(async (thrown: unknown) => {
      if ((await readNames(folder)) === null) throw thrown;
    });
    return names;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
