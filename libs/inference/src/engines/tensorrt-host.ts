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
  /** Such as `GPU-5c1f…`: the same card by whatever order a program counts them. */
  readonly uuid: string;
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

/** The cards that lanes can use, as `CUDA_VISIBLE_DEVICES` orders them where it is set; none where no driver answers. */
export async function nvidiaCards(environment: Environment): Promise<Card[]> {
  const query = ['--query-gpu=uuid,compute_cap,memory.total', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await run('nvidia-smi', query, { env: { ...environment }, timeout: ANSWER_MS });
    const cards = stdout
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, uuid, computeCapability, vram] = /^(\S+),\s*(\d+\.\d+),\s*(\d+)$/.exec(line.trim()) ?? [];
        return uuid === undefined || computeCapability === undefined
          ? []
          : [{ uuid, computeCapability, vramMiB: Number(vram) }];
      });
    return visibleCards(cards, environment['CUDA_VISIBLE_DEVICES']);
  } catch {
    return [];
  }
}

/**
 * Those that a list of numbers (as the driver counts: by PCI bus) or of the beginnings of UUIDs names, in its order. What
 * follows a name that fits no card is invisible, as CUDA has it (CUDA C++ Programming Guide, "CUDA Environment Variables").
 */
export function visibleCards(cards: readonly Card[], visible: string | undefined): Card[] {
  if (visible === undefined) return [...cards];
  const found: Card[] = [];
  for (const name of visible.split(',').map((part) => part.trim())) {
    const card = /^\d+$/.test(name)
      ? cards[Number(name)]
      : cards.find(({ uuid }) => name.startsWith('GPU-') && uuid.startsWith(name));
    if (card === undefined) break;
    found.push(card);
  }
  return found;
}
