import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { AttemptLogPart, LogLine } from '@understudy/contracts';

import { AttemptLog, endName, type LoggedAttempt } from './attempt-log.js';

export interface SpooledPart extends LoggedAttempt {
  readonly part: number;
  readonly firstLine: number;
  readonly path: string;
  readonly bytes: number;
  readonly changedMs: number;
}

export interface SpooledLog extends LoggedAttempt {
  readonly folder: string;
  /** In their order. */
  readonly parts: readonly SpooledPart[];
  readonly isEnded: boolean;
}

const PART = /^([0-9a-f-]{36})\.(\d+)\.(\d+)\.(\d+)\.ndjson$/;
const END = /^([0-9a-f-]{36})\.(\d+)\.end$/;

/** Logs of attempts that wait on the worker's disk until the coordinator has them: a folder for each lane. */
export class LogSpool {
  constructor(readonly root: string) {}

  lane(ordinal: number): string {
    return join(this.root, `lane-${ordinal}`);
  }

  /** What lies there, oldest first. */
  async logs(): Promise<SpooledLog[]> {
    const logs: SpooledLog[] = [];
    for (const lane of await namesIn(this.root)) logs.push(...(await this.#logsIn(join(this.root, lane))));
    return logs.toSorted((one, other) => startedMs(one) - startedMs(other));
  }

  /** A part as it is sent: whole lines alone; null when it went meanwhile or holds none. */
  async read({ path, epoch, part, firstLine }: SpooledPart): Promise<AttemptLogPart | null> {
    const text = await readFile(path, 'utf8').catch(() => '');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).trimEnd();
    if (whole === '') return null;
    const lines = whole.split('\n').flatMap(readLine);
    return lines.length === 0 ? null : AttemptLogPart.parse({ epoch, part, firstLine, lines });
  }

  async forget(log: SpooledLog): Promise<void> {
    for (const { path } of log.parts) await rm(path, { force: true });
    await rm(join(log.folder, endName(log)), { force: true });
  }

  /**
   * The lane's process is gone: whatever it wrote is all there will be. Of an attempt that it was at work on, the last
   * word is how it ended.
   */
  async endLane(ordinal: number, how: string, lastWords: string): Promise<void> {
    await this.#endIn(this.lane(ordinal), how, lastWords);
  }

  /** Of all lanes, when the worker begins. */
  async endAll(how: string): Promise<void> {
    for (const lane of await namesIn(this.root)) await this.#endIn(join(this.root, lane), how, '');
  }

  async #endIn(folder: string, how: string, lastWords: string): Promise<void> {
    for (const log of await this.#logsIn(folder)) {
      if (log.isEnded) continue;
      const last = log.parts.at(-1);
      const lines = last === undefined ? 0 : (await readFile(last.path, 'utf8').catch(() => '')).split('\n').length - 1;
      const from = { part: (last?.part ?? -1) + 1, line: (last?.firstLine ?? 1) + lines };
      const goesOn = new AttemptLog(folder, log, from);
      goesOn.write('error', { how, ...(lastWords === '' ? {} : { stderr: lastWords }) }, "the lane's process ended");
      goesOn.end();
    }
  }

  async #logsIn(folder: string): Promise<SpooledLog[]> {
    const byAttempt = new Map<string, { attemptId: string; epoch: number; parts: SpooledPart[]; isEnded: boolean }>();
    for (const name of await namesIn(folder)) {
      const [, attemptId, epoch, part, firstLine] = PART.exec(name) ?? END.exec(name) ?? [];
      if (attemptId === undefined || epoch === undefined) continue;
      const key = `${attemptId}.${epoch}`;
      const log = byAttempt.get(key) ?? { attemptId, epoch: Number(epoch), parts: [], isEnded: false };
      byAttempt.set(key, log);
      if (part === undefined || firstLine === undefined) {
        log.isEnded = true;
        continue;
      }
      const path = join(folder, name);
      const found = await stat(path).catch(() => null);
      if (found === null) continue;
      const of = { attemptId, epoch: log.epoch, part: Number(part), firstLine: Number(firstLine), path };
      log.parts.push({ ...of, bytes: found.size, changedMs: found.mtimeMs });
    }
    return [...byAttempt.values()].map((log) => ({
      ...log,
      folder,
      parts: log.parts.toSorted((one, other) => one.part - other.part),
    }));
  }
}

function startedMs({ parts }: SpooledLog): number {
  return parts[0]?.changedMs ?? 0;
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

/** A line that a full disk cut off is none. */
function readLine(text: string): LogLine[] {
  try {
    return [LogLine.parse(JSON.parse(text))];
  } catch {
    return [];
  }
}
