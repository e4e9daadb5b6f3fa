import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProjectKeys } from './project-keys.js';
import { TEMPLATE_BYTES, TemplateVault } from './template-vault.js';

let DATA_DIR: string;
const SECRET_KEY = 'ab'.repeat(32);
const keysOf = (secret: string) => new ProjectKeys({ DATA_DIR, SECRET_KEY: secret, KEY_ENCRYPTION_KEYS: undefined });
const vaultOf = (secret = SECRET_KEY) => new TemplateVault(keysOf(secret));
beforeEach(() => {
  DATA_DIR = mkdtempSync(join(tmpdir(), 'vault-'));
});
afterEach(() => rmSync(DATA_DIR, { recursive: true, force: true }));

const template = randomBytes(TEMPLATE_BYTES);
const [project, other] = [randomUUID(), randomUUID()];

describe('a sealed template', () => {
  it('opens again, by another process too, and looks like nothing', () => {
    const sealed = vaultOf().seal(project, template);
    expect(Buffer.from(vaultOf().open(project, sealed))).toEqual(template);
    expect(Buffer.from(sealed).includes(template.subarray(0, 16))).toBe(false);
    expect(Buffer.from(vaultOf().seal(project, template))).not.toEqual(Buffer.from(sealed));
  });

  it.each<[string, (sealed: Uint8Array, vault: TemplateVault) => unknown]>([
    ['in another project', (sealed, vault) => vault.open((vault.seal(other, template), other), sealed)],
    [
      'with a byte changed',
      (sealed, vault) =>
        vault.open(
          project,
          sealed.map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
        ),
    ],
    ['cut off', (sealed, vault) => vault.open(project, sealed.subarray(0, 100))],
    ['under another secret', (sealed) => vaultOf('cd'.repeat(32)).open(project, sealed)],
  ])('does not open %s', (_, act) => {
    const vault = vaultOf();
    const sealed = vault.seal(project, template);
    expect(() => act(sealed, vault)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('does not open after its key was destroyed, and nothing is sealed in its project again', () => {
    const [keys, replica] = [keysOf(SECRET_KEY), keysOf(SECRET_KEY)];
    const vaults = [new TemplateVault(keys), new TemplateVault(replica)];
    const sealed = vaultOf().seal(project, template);
    for (const vault of vaults) vault.open(project, sealed);
    const fingerprint = keys.destroy(project);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const destroyed = expect.objectContaining({ code: 'PROJECT_KEY_DESTROYED' }) as Error;
    for (const vault of [...vaults, vaultOf()]) {
      expect(() => vault.open(project, sealed)).toThrow(destroyed);
      expect(() => vault.seal(project, template)).toThrow(destroyed);
    }
    expect(keys.destroy(project)).toBe(fingerprint);
    expect(readdirSync(join(DATA_DIR, 'keys'))).toEqual([`${project}.destroyed`]);
  });

  it('has its key in a file of its own, wrapped, for its owner alone', () => {
    vaultOf().seal(project, template);
    expect(readdirSync(join(DATA_DIR, 'keys'))).toEqual([`${project}.key`]);
    const path = join(DATA_DIR, 'keys', `${project}.key`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path)).toHaveLength(12 + 16 + 32);
    writeFileSync(join(DATA_DIR, 'keys', `${other}.key`), readFileSync(path));
    expect(() => vaultOf().seal(other, template)).toThrow(/SECRET_KEY/);
  });

  it('written before there were keys is read as it is', () => {
    expect(vaultOf().open(project, template)).toBe(template);
  });
});
