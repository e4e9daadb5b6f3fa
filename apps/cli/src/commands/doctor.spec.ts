import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { decoders, engines, examine, providerFinding } from './doctor.js';

const model = { role: 'detector', difference: 0.0013, milliseconds: 2.5 } as const;

describe('doctor', () => {
  it('names each thing that a host has or lacks, with what to do', async () => {
    const home = join(await mkdtemp(join(tmpdir(), 'doctor-')), 'not-there');
    const findings = await examine({
      ...readConfig({ UNDERSTUDY_HOME: home }),
      databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing',
    });
    const of = (name: string) => findings.find((finding) => finding.name === name);
    expect(of('node')?.state).toBe('has');
    expect(of('ffmpeg')).toMatchObject({ state: 'has', says: expect.stringMatching(/^\S+$/) });
    expect(of('decoding')?.says).toMatch(/^media are decoded as/);
    expect(of('disk')).toMatchObject({ state: 'lacks', says: expect.stringContaining(home) });
    expect(of('postgres')).toMatchObject({ state: 'lacks', says: expect.stringContaining('DATABASE_URL') });
  });

  it('says as whom media are decoded, and what that lacks', () => {
    const offline = { hasOwnUser: true, isOffline: true, isBound: true };
    expect(decoders(offline)).toMatchObject({
      state: 'has',
      says: expect.stringMatching(/60706-61183.*without a net/),
    });
    expect(decoders({ ...offline, isOffline: false }).says).toMatch(/with the network/);
    expect(decoders({ hasOwnUser: false, isOffline: false, isBound: true })).toMatchObject({
      state: 'without',
      says: expect.stringMatching(/as this user, gaining no rights: only root/),
    });
  });

  it('says who could build engines for TensorRT, what was built, and why a build failed', async () => {
    const home = await mkdtemp(join(tmpdir(), 'doctor-'));
    const [key, failed] = [join(home, 'engines', 'a'.repeat(32)), join(home, 'engines', 'failed')];
    await mkdir(key, { recursive: true });
    await writeFile(join(key, 'model.engine'), 'bytes');
    await mkdir(failed);
    const reason = 'trtexec built no engine of ghost_1_256 1; it took more than 1800 s';
    const failure = { model: 'ghost_1_256 1', at: '2026-11-23T10:00:00.000Z', reason };
    await writeFile(join(failed, `${'b'.repeat(32)}.json`), JSON.stringify(failure));
    await writeFile(join(failed, `${'c'.repeat(32)}.json`), '{"model":');
    expect(await engines(home, { PATH: '/nowhere' })).toEqual([
      { name: 'engines', state: 'without', says: expect.stringMatching(/no trtexec on PATH.*; 1 built/) },
      { name: 'engine ghost_1_256 1', state: 'without', says: `${reason} (2026-11-23T10:00:00.000Z)` },
    ]);
    const trtexec = join(home, 'trtexec');
    await writeFile(trtexec, '#!/bin/sh\n', { mode: 0o755 });
    expect(await engines(home, { PATH: '/nowhere', UNDERSTUDY_TRTEXEC: trtexec })).toContainEqual({
      name: 'engines',
      state: 'has',
      says: expect.stringContaining(trtexec),
    });
  });

  it('times what passes and says how far it is from the reference', () => {
    const passed = { provider: 'webgpu', precision: 'fp16', passed: true, models: [model], reason: null } as const;
    expect(providerFinding(passed)).toEqual({
      name: 'webgpu fp16',
      state: 'has',
      says: 'detector 2.5 ms, 1e-3 apart',
    });
  });

  it('does without what fails, except for the processor in single precision', () => {
    const failed = { precision: 'fp32', passed: false, models: [], reason: 'no such library' } as const;
    expect(providerFinding({ ...failed, provider: 'cuda' })).toMatchObject({
      state: 'without',
      says: 'no such library',
    });
    expect(providerFinding({ ...failed, provider: 'cpu' }).state).toBe('lacks');
  });
});
