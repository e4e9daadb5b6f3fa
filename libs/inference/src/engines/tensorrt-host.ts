import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

import { UnderstudyError } from '@understudy/contracts';

const run = promisify(execFile);
const ANSWER_MS = 30_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** An NVIDIA card, as its driver describes it. */
export interface Card {
  /** Such as `8.6`. */
  readonly computeCapability: string;
  readonly vramMiB: number;
}

/** The program's path: the one named, else the first on the search path; undefined where there is none. */
export async function findTrtexec(named: string | undefined, environment: Environment): Promise<string | undefined> {
  const name = named ?? 'trtexec';
  const places = isAbsolute(name)
    ? [name]
    : (environment['PATH'] ?? '')
        .split(delimiter)
        .flatMap((folder) => (isAbsolute(folder) ? [join(folder, name)] : []));
  for (const path of places) {
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

/**
 * The TensorRT that builds, in the words of the program's first line: `… [TensorRT v100900] …`.
 *
 * @throws UnderstudyError PROVIDER_UNAVAILABLE where it does not say
 */
export async function tensorrtVersion(trtexec: string, environment: Environment): Promise<string> {
  const said = await run(trtexec, ['--help'], { env: { ...environment }, timeout: ANSWER_MS }).then(
    ({ stdout, stderr }) => stdout + stderr,
    // Some releases end their help with another exit code.
    (error: { stdout?: string; stderr?: string }) => `${error.stdout ?? ''}${error.stderr ?? ''}`,
  );
  const version = /\[TensorRT (v\d+)\]/.exec(said)?.[1];
  if (version !== undefined) return version;
  throw new UnderstudyError('PROVIDER_UNAVAILABLE', `${trtexec} does not say which TensorRT it is.`);
}

/** The cards that lanes can use; none where no driver answers. */
export async function nvidiaCards(environment: Environment): Promise<Card[]> {
  const query = ['--query-gpu=compute_cap,memory.total', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await run('nvidia-smi', query, { env: { ...environment }, timeout: ANSWER_MS });
    return stdout
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, computeCapability, vram] = /^(\d+\.\d+),\s*(\d+)$/.exec(line.trim()) ?? [];
        return computeCapability === undefined ? [] : [{ computeCapability, vramMiB: Number(vram) }];
      });
  } catch {
    return [];
  }
}
