import { availableParallelism, freemem, totalmem } from 'node:os';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { type ErrorCode, toUnderstudyError } from '@understudy/contracts';
import { normaliseDatabaseError, openDatabase } from '@understudy/db';
import {
  DEFAULT_PACK,
  engineInventory,
  enginesFolder,
  ensureDefaultPack,
  findTrtexec,
  listPacks,
  PROVIDER_CANDIDATES,
  probeProvider,
  type ProviderTest,
  readPack,
  verifyPack,
} from '@understudy/inference';
import { checkFfmpeg, type Confinement, confinement, FIRST_UID, mediaTools, UID_COUNT } from '@understudy/media';
import type { Command } from 'commander';
import { childEnvironment, type Config, readConfig } from '../config.js';

/** One thing a host has or lacks. */
export interface Finding {
  readonly name: string;
  /** `lacks`: the main job does not run. `without`: it runs, but not with this. */
  readonly state: 'has' | 'lacks' | 'without';
  /** What was found, or what to do. */
  readonly says: string;
}

const run = promisify(execFile);
const GIB = 1024 ** 3;
/** Room for the plate, the frames under way and the segments of one shot. */
const LEAST_DISK_BYTES = 2 * GIB;
const LEAST_MEMORY_BYTES = 2 * GIB;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'what this host can do and what it lacks: tools, room, models, and each way to run them, tried and timed',
    )
    .option('--json', 'one JSON object as the last line of standard output')
    .action(async (options: { json?: boolean }) => {
      const config = readConfig();
      const findings = [...(await examine(config)), ...(await providers(config))];
      const ready = findings.every(({ state }) => state !== 'lacks');
      for (const line of table(findings)) process.stdout.write(`${line}\n`);
      process.stdout.write(ready ? 'This host can render.\n' : 'This host cannot render yet: see what it lacks.\n');
      if (options.json === true) process.stdout.write(`${JSON.stringify({ ready, findings })}\n`);
      if (!ready) process.exitCode = 6;
    });
}

/** Everything but the providers. */
export async function examine(config: Config): Promise<Finding[]> {
  return [
    node(),
    await ffmpeg(),
    decoders(confinement()),
    ...(await encoders()),
    await disk(config.homeDir),
    memory(),
    await database(config),
    ...(await packs(config.homeDir)),
    ...(await engines(config.homeDir, childEnvironment())),
  ];
}

function node(): Finding {
  return { name: 'node', state: 'has', says: `${process.versions.node}, ${availableParallelism()} cores` };
}

async function ffmpeg(): Promise<Finding> {
  try {
    const { version } = await checkFfmpeg();
    return { name: 'ffmpeg', state: 'has', says: version };
  } catch (thrown) {
    return { name: 'ffmpeg', state: 'lacks', says: toUnderstudyError(thrown).message };
  }
}

/** Who reads strangers' bytes here. */
export function decoders({ hasOwnUser, isOffline, isBound }: Confinement): Finding {
  const network = isOffline ? 'without a network' : 'with the network of this host (unshare --net is not allowed)';
  if (hasOwnUser) {
    const users = `${FIRST_UID}-${FIRST_UID + UID_COUNT - 1}`;
    return { name: 'decoding', state: 'has', says: `media are decoded as users ${users}, one a run, ${network}` };
  }
  const rights = isBound ? 'gaining no rights' : 'unconfined (no setpriv)';
  const says = `media are decoded as this user, ${rights}: only root can give each run a user of its own`;
  return { name: 'decoding', state: 'without', says };
}

/** What a card's own coders are called in ffmpeg. */
const HARDWARE = ['h264_nvenc', 'hevc_nvenc', 'h264_cuvid', 'hevc_cuvid'];

async function encoders(): Promise<Finding[]> {
  const { ffmpeg: program } = mediaTools();
  const lists = await Promise.all(
    ['-encoders', '-decoders'].map((list) => run(program, ['-hide_banner', list]).catch(() => ({ stdout: '' }))),
  );
  const known = lists.map(({ stdout }) => stdout).join('\n');
  const found = HARDWARE.filter((name) => known.includes(` ${name} `));
  const card = await run('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader']).catch(
    () => undefined,
  );
  const says = found.length === 0 ? 'this ffmpeg knows none of them' : `this ffmpeg knows ${found.join(', ')}`;
  return [
    card === undefined
      ? { name: 'gpu', state: 'without', says: 'no NVIDIA card answers (nvidia-smi); lanes run on the processor' }
      : { name: 'gpu', state: 'has', says: card.stdout.trim().replaceAll('\n', '; ') },
    { name: 'hardware coders', state: card !== undefined && found.length > 0 ? 'has' : 'without', says },
  ];
}

async function disk(folder: string): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const says = `${(free / GIB).toFixed(1)} GiB free in ${folder}`;
    if (free >= LEAST_DISK_BYTES) return { name: 'disk', state: 'has', says };
    return { name: 'disk', state: 'lacks', says: `${says}: free 2 GiB, or set UNDERSTUDY_HOME to a larger disk` };
  } catch {
    return { name: 'disk', state: 'lacks', says: `${folder} is not there; it is made by the first start` };
  }
}

function memory(): Finding {
  const says = `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB free`;
  return { name: 'memory', state: freemem() >= LEAST_MEMORY_BYTES ? 'has' : 'without', says };
}

async function database({ databaseUrl, queueUrl }: Config): Promise<Finding> {
  const stages = queueUrl === undefined ? '' : '; stages on Redis (QUEUE_URL)';
  if (databaseUrl === undefined) {
    return { name: 'postgres', state: 'has', says: `embedded, started when needed${stages}` };
  }
  const opened = openDatabase(databaseUrl);
  try {
    const [row] = await opened.query<{ version: string }>("SELECT current_setting('server_version') AS version");
    return { name: 'postgres', state: 'has', says: `your own, ${row?.version ?? 'of no version'}${stages}` };
  } catch (thrown) {
    const { message } = normaliseDatabaseError(thrown) as Error;
    return { name: 'postgres', state: 'lacks', says: `DATABASE_URL does not answer: ${message}` };
  } finally {
    await opened.close();
  }
}

async function packs(homeDir: string): Promise<Finding[]> {
  const findings = [await pack(DEFAULT_PACK.id, 'lacks', () => ensureDefaultPack(homeDir))];
  for (const { id, version } of await listPacks(homeDir)) {
    const check = async () => verifyPack(await readPack(homeDir, id, version));
    findings.push(await pack(`${id} ${version}`, 'without', check));
  }
  return findings;
}

async function pack(name: string, otherwise: Finding['state'], check: () => Promise<unknown>): Promise<Finding> {
  try {
    await check();
    return { name: `pack ${name}`, state: 'has', says: 'verified' };
  } catch (thrown) {
    const { code, message }: { code: ErrorCode; message: string } = toUnderstudyError(thrown);
    return { name: `pack ${name}`, state: otherwise, says: `${code}: ${message}` };
  }
}

/** What TensorRT would run here, and why it would not. */
export async function engines(
  homeDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const trtexec = await findTrtexec(environment['UNDERSTUDY_TRTEXEC'], environment);
  const { engines: count, bytes, failures } = await engineInventory(enginesFolder(homeDir));
  const builder = trtexec ?? 'no trtexec on PATH (or in UNDERSTUDY_TRTEXEC): none can be built';
  const kept = count === 0 ? '' : `; ${count} built, ${(bytes / GIB).toFixed(1)} GiB`;
  return [
    { name: 'engines', state: trtexec === undefined ? 'without' : 'has', says: `${builder}${kept}` },
    ...failures.map(({ model, at, reason }): Finding => {
      return { name: `engine ${model}`, state: 'without', says: `${reason} (${at})` };
    }),
  ];
}

async function providers({ homeDir }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const candidate of [...PROVIDER_CANDIDATES, { provider: 'cpu', precision: 'fp16' } as const]) {
    findings.push(providerFinding(await probeProvider(homeDir, candidate, { environment: childEnvironment() })));
  }
  return findings;
}

/** Single precision on the processor is what every host has to have. */
export function providerFinding({ provider, precision, passed, models, reason }: ProviderTest): Finding {
  const name = `${provider} ${precision}`;
  if (passed) {
    const timed = models.map(({ role, milliseconds, difference }) => {
      const apart = difference === 0 ? '' : `, ${difference.toExponential(0)} apart`;
      return `${role} ${milliseconds} ms${apart}`;
    });
    return { name, state: 'has', says: timed.join('; ') };
  }
  const isNeeded = provider === 'cpu' && precision === 'fp32';
  return { name, state: isNeeded ? 'lacks' : 'without', says: reason ?? 'failed' };
}

const MARKS: Readonly<Record<Finding['state'], string>> = { has: 'ok', lacks: 'LACKS', without: 'no' };

function table(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings.map(({ name, state, says }) => `${MARKS[state].padEnd(6)} ${name.padEnd(width)}  ${says}`);
}
