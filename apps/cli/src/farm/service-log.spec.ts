import { mkdtempSync, mkdirSync, readFileSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServiceLog } from './service-log.js';

describe('the log of a service', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'service-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('appends each line to the file and keeps the last 200', async () => {
    const path = join(folder, 'worker.log');
    const log = new ServiceLog(path);
    for (let line = 0; line < 250; line++) log.write(`line ${line}`);
    log.end();
    await vi.waitFor(() => expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(251));
    expect(log.last).toHaveLength(200);
    expect(log.last.at(-1)).toBe('line 249');
  });

  it('goes on while the file cannot be written, and says afterwards how many lines are missing', async () => {
    const path = join(folder, 'worker.log');
    mkdirSync(path);
    let now = 0;
    const log = new ServiceLog(path, () => now);
    log.write('lost with the failure');
    await new Promise((resolve) => setTimeout(resolve, 50));
    log.write('lost while it is left alone');
    expect(log.last).toEqual(['lost with the failure', 'lost while it is left alone']);
    rmdirSync(path);
    now = 5_000;
    log.write('written');
    log.end();
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe('2 lines could not be written here\nwritten\n'));
  });
});
