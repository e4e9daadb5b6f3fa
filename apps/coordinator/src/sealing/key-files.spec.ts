import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyFiles } from './key-files.js';

const [OLD, NEW] = ['ab'.repeat(32), 'cd'.repeat(32)];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const under = (...secrets: string[]): KeyFiles => new KeyFiles(folder, secrets);
const names = (): string[] => readdirSync(folder).toSorted();

describe('a new key-encryption key', () => {
  const projects = Array.from({ length: 5 }, () => randomUUID());
  let keys: Buffer[];
  beforeEach(() => {
    keys = projects.map((project) => under(OLD).readOrMake(project));
  });
  const opened = (...secrets: string[]) => projects.map((project) => under(...secrets).read(project));

  it('wraps every project’s key, which stays what it is; the old one is then needed for nothing', () => {
    expect(opened(NEW, OLD)).toEqual(keys);
    expect(under(NEW, OLD).wrapAnew()).toBe(5);
    expect(opened(NEW)).toEqual(keys);
    for (const project of projects) expect(() => under(OLD).read(project)).toThrow(/KEY_ENCRYPTION_KEYS/);
    expect(names()).toEqual(projects.map((project) => `${project}.key`).toSorted());
    expect(under(NEW, OLD).wrapAnew()).toBe(0);
  });

  it('goes on where it was broken off, at any of the keys', () => {
    // Broken off between two files, and within one: a file that is half written lies beside the key, which is whole.
    const [first = '', second = ''] = projects;
    const whole = mkdtempSync(join(tmpdir(), 'keys-'));
    cpSync(folder, whole, { recursive: true });
    under(NEW, OLD).wrapAnew();
    for (const project of projects.slice(1)) cpSync(join(whole, `${project}.key`), join(folder, `${project}.key`));
    rmSync(whole, { recursive: true });
    const half = join(folder, `${second}.${randomUUID()}.anew`);
    writeFileSync(half, readFileSync(join(folder, `${first}.key`)).subarray(0, 20));
    expect(opened(NEW, OLD)).toEqual(keys);
    expect(under(NEW, OLD).wrapAnew()).toBe(4);
    expect(opened(NEW)).toEqual(keys);
    // Another coordinator may be writing a young one; one that was left is taken away by the next that looks.
    expect(names().filter((name) => name.endsWith('.anew'))).toHaveLength(1);
    utimesSync(half, 0, 0);
    under(NEW).wrapAnew();
    expect(names().filter((name) => name.endsWith('.anew'))).toEqual([]);
  });

  it('leaves what it cannot open as it is, names it, and wraps the others', () => {
    const [damaged = ''] = projects;
    const path = join(folder, `${damaged}.key`);
    writeFileSync(path, readFileSync(path).fill(7, 30, 40));
    expect(() => under(NEW, OLD).wrapAnew()).toThrow(
      expect.objectContaining({ code: 'INTERNAL', details: { projectIds: [damaged] } }) as Error,
    );
    expect(projects.slice(1).map((project) => under(NEW).read(project))).toEqual(keys.slice(1));
  });

  it('brings no destroyed key back', () => {
    const [project = ''] = projects;
    const fingerprint = under(OLD).destroy(project);
    expect(under(NEW, OLD).wrapAnew()).toBe(4);
    expect(under(NEW, OLD).read(project)).toBeNull();
    expect(under(NEW).destroy(project)).toBe(fingerprint);
  });
});

describe('a destroyed key', () => {
  const project = randomUUID();

  it('is gone with everything that was on its way to take its place', () => {
    under(OLD).readOrMake(project);
    writeFileSync(join(folder, `${project}.${randomUUID()}.anew`), 'wrapped anew');
    under(OLD).destroy(project);
    expect(names()).toEqual([`${project}.destroyed`]);
    expect([under(OLD).isDestroyed(project), under(OLD).isBack(project)]).toEqual([true, false]);
  });

  it('that a backup brings back is told, and destroyed again', () => {
    under(OLD).readOrMake(project);
    const wrapped = readFileSync(join(folder, `${project}.key`));
    const fingerprint = under(OLD).destroy(project);
    writeFileSync(join(folder, `${project}.key`), wrapped);
    expect([under(OLD).isDestroyed(project), under(OLD).isBack(project)]).toEqual([true, true]);
    expect(under(OLD).destroy(project)).toBe(fingerprint);
    expect(names()).toEqual([`${project}.destroyed`]);
  });

  it('that never was leaves word all the same', () => {
    expect(under(OLD).destroy(project)).toBeNull();
    expect(under(OLD).isDestroyed(project)).toBe(true);
  });

  it('is destroyed where no secret opens it, too', () => {
    under(OLD).readOrMake(project);
    expect(under(NEW).destroy(project)).toBeNull();
    expect(under(OLD).read(project)).toBeNull();
  });
});
