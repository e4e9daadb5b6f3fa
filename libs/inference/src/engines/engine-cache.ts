import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { engineKey, type EngineSpec } from './engine-key.js';
import type { EngineHost } from './engine-model.js';

/** Where a host keeps its engines, and what they are built for; plain JSON, so that it travels to a lane's process. */
export interface EngineCache extends EngineHost {
  readonly folder: string;
  /** Of all engines that its lanes use: two builds of one model may differ in the last bits of what they compute. */
  readonly digest: string;
}

/** In an engine's folder. The wrapper is what a session loads; it names the engine beside it. */
export const ENGINE_FILE = 'model.engine';
export const WRAPPER_FILE = 'model.onnx';
const FAILURES = 'failed';
/** Of folders that are still being filled. */
const PARTIAL = '.partial';

export interface EngineFailure {
  readonly model: string;
  /** An instant. */
  readonly at: string;
  readonly reason: string;
}

export function enginesFolder(dataDir: string): string {
  return join(dataDir, 'engines');
}

/** The wrapper of an engine, if it is there; noted as used. */
export async function findEngine(folder: string, spec: EngineSpec): Promise<string | undefined> {
  const home = join(folder, engineKey(spec));
  const wrapper = join(home, WRAPPER_FILE);
  const now = new Date();
  try {
    await utimes(wrapper, now, now);
    return wrapper;
  } catch {
    return undefined;
  }
}

/** {@link EngineCache.digest} of these engines. */
export async function enginesDigest(folder: string, specs: readonly EngineSpec[]): Promise<string> {
  const digest = createHash('sha256');
  for (const key of specs.map(engineKey).toSorted()) {
    const engine = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, key, ENGINE_FILE))) engine.update(chunk as Buffer);
    digest.update(`${key} ${engine.digest('hex')}\n`);
  }
  return digest.digest('hex').slice(0, 16);
}

/** A folder to fill; {@link keepEngine} gives it its name. */
export async function partialFolder(folder: string, spec: EngineSpec): Promise<string> {
  const partial = join(folder, `${engineKey(spec)}${PARTIAL}`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  return partial;
}

/** From now on the engine is there, whole. @returns its wrapper */
export async function keepEngine(folder: string, spec: EngineSpec, partial: string): Promise<string> {
  const home = join(folder, engineKey(spec));
  await rm(home, { recursive: true, force: true });
  await rename(partial, home);
  await rm(join(folder, FAILURES, `${engineKey(spec)}.json`), { force: true });
  return join(home, WRAPPER_FILE);
}

export async function noteFailure(folder: string, spec: EngineSpec, failure: EngineFailure): Promise<void> {
  await mkdir(join(folder, FAILURES), { recursive: true });
  await writeFile(join(folder, FAILURES, `${engineKey(spec)}.json`), JSON.stringify(failure));
}

export function buildLog(folder: string, spec: EngineSpec): string {
  return join(folder, FAILURES, `${engineKey(spec)}.log`);
}

export interface EngineInventory {
  readonly engines: number;
  readonly bytes: number;
  /** Builds that failed and were not made good since. */
  readonly failures: readonly EngineFailure[];
}

/** What lies in a cache, for people. */
export async function engineInventory(folder: string): Promise<EngineInventory> {
  const kept = await keptEngines(folder);
  const failures: EngineFailure[] = [];
  for (const name of await namesIn(join(folder, FAILURES))) {
    if (!name.endsWith('.json')) continue;
    const failure = asFailure(await readFile(join(folder, FAILURES, name), 'utf8').catch(() => ''));
    if (failure !== null) failures.push(failure);
  }
  return { engines: kept.length, bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0), failures };
}

/** Null for what is not whole: its writer may have been killed. */
function asFailure(text: string): EngineFailure | null {
  try {
    const { model, at, reason } = JSON.parse(text) as Record<string, unknown>;
    return { model: String(model), at: String(at), reason: String(reason) };
  } catch {
    return null;
  }
}

export interface SweepRules {
  /** Keys of engines that stay whatever else holds. */
  readonly keep: ReadonlySet<string>;
  readonly mostBytes: number;
  readonly unusedMs: number;
  readonly nowMs: number;
}

/**
 * Deletes what a build left half done, what nobody has used for long (engines of an older runtime, model or card), and
 * beyond `mostBytes` what was not used for longest. Only for whoever may build: another's half-filled folder goes too.
 *
 * @returns how many engines went
 */
export async function sweepEngines(folder: string, { keep, mostBytes, unusedMs, nowMs }: SweepRules): Promise<number> {
  for (const name of await namesIn(folder)) {
    if (name.endsWith(PARTIAL)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const kept = (await keptEngines(folder)).toSorted((a, b) => b.usedAtMs - a.usedAtMs);
  let bytes = kept.filter(({ key }) => keep.has(key)).reduce((sum, one) => sum + one.bytes, 0);
  let deleted = 0;
  for (const engine of kept.filter(({ key }) => !keep.has(key))) {
    bytes += engine.bytes;
    if (bytes <= mostBytes && nowMs - engine.usedAtMs <= unusedMs) continue;
    await rm(join(folder, engine.key), { recursive: true, force: true });
    bytes -= engine.bytes;
    deleted += 1;
  }
  return deleted;
}

async function keptEngines(folder: string): Promise<{ key: string; bytes: number; usedAtMs: number }[]> {
  const engines = [];
  for (const key of (await namesIn(folder)).filter((name) => /^[0-9a-f]{32}$/.test(name))) {
    const [engine, wrapper] = await Promise.all(
      [ENGINE_FILE, WRAPPER_FILE].map((name) => stat(join(folder, key, name)).catch(() => null)),
    );
    engines.push({ key, bytes: engine?.size ?? 0, usedAtMs: wrapper?.mtimeMs ?? 0 });
  }
  return engines;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
