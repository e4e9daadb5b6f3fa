import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { type Lease, recipePreset } from '@understudy/contracts';

import { type Clip, ROOT, objectOf, tableBytes, wanderingFace } from './clip.js';
import type { FakeCoordinator } from './fake-coordinator.js';

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** Log lines so far. */
  readonly log: Record<string, unknown>[];
  readonly text: () => string;
  readonly ended: Promise<number | null>;
}

/** The real worker program, with a token that no log line may hold. */
export function startWorker(options: {
  readonly baseUrl: string;
  readonly scratchDir: string;
  readonly dataDir: string;
  readonly lanes?: number;
  readonly environment?: Record<string, string>;
}): WorkerProcess {
  const child = spawn(process.execPath, [join(ROOT, 'apps/worker/dist/main.js')], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      COORDINATOR_URL: options.baseUrl,
      WORKER_TOKEN: 'very-secret',
      LANES: String(options.lanes ?? 1),
      SCRATCH_DIR: options.scratchDir,
      DATA_DIR: options.dataDir,
      DRAIN_GRACE_MS: '500',
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  let text = '';
  let rest = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) log.push(JSON.parse(line) as Record<string, unknown>);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, log, text: () => text, ended };
}

/** A render lease of the clip under the recipe `anonymise`. */
export async function renderLease(
  coordinator: FakeCoordinator,
  clip: Clip,
  [startFrame, endFrame]: readonly [number, number],
  overrides: Partial<Lease> = {},
): Promise<Lease> {
  const attemptId = randomUUID();
  return {
    kind: 'render',
    attemptId,
    taskId: randomUUID(),
    shotVersionId: randomUUID(),
    epoch: 1,
    expiresAt: new Date().toISOString(),
    leaseSeconds: 3,
    heartbeatSeconds: 0.3,
    upload: { url: `/api/v1/attempts/${attemptId}/result?epoch=1` },
    startFrame,
    endFrame,
    plate: { source: await objectOf(clip.path, coordinator.objects), info: clip.plate },
    analysis: await objectOf(tableBytes(wanderingFace(clip)), coordinator.objects),
    recipe: recipePreset('anonymise'),
    cast: [],
    anonymiseTracks: [0],
    encoding: { mode: 'lossless', crf: 16, preset: 'ultrafast' },
    ...overrides,
  } as Lease;
}

/** Living processes whose command line speaks of this text, but this one. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
}

/** Every file below a folder, by its path in it. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended but was not yet waited for still answers.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
