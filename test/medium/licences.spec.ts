import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../..');
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      link: z.boolean().optional(),
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
    }),
  ),
});

interface Dependency {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Builds and tests, and is not there where a farm runs. */
  readonly development: boolean;
}

/** What their own LICENSE files say where `package.json` is silent or writes it the old way. */
const SAID_ELSEWHERE: Readonly<Record<string, string>> = {
  async: 'MIT',
  busboy: 'MIT',
  'seq-queue': 'MIT',
  streamsearch: 'MIT',
};

/** They ask for their notice to be kept, or for nothing. */
const PERMISSIVE = new Set([
  ...['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'Unlicense', 'CC0-1.0', 'BlueOak-1.0.0'],
  'Python-2.0',
]);

/** Licences that ask for more, each with the packages it is accepted for, and why. */
const RECIPROCAL: readonly { licence: string; packages: RegExp; why: string }[] = [
  {
    licence: 'LGPL-3.0-or-later',
    packages: /^@img\/sharp-/,
    why: 'libvips behind `sharp`, a shared library of its own: used as it comes, and may be replaced by another build',
  },
  {
    licence: 'MPL-2.0',
    packages: /^lightningcss/,
    why: 'builds the console’s style sheets; none of it is in what it builds',
  },
  { licence: 'EPL-2.0', packages: /^elkjs$/, why: 'comes with Prisma’s studio, which Understudy does not start' },
];

function dependencies(): Dependency[] {
  const { packages } = Lock.parse(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
  return Object.entries(packages).flatMap(([path, one]) => {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (!path.includes('node_modules/') || one.link === true) return [];
    const development = one.dev === true || one.devOptional === true;
    const licence = one.license ?? SAID_ELSEWHERE[name] ?? 'none stated';
    return [{ name, version: one.version ?? '', licence, development }];
  });
}

const termsOf = (licence: string): string[] => licence.replace(/[()]/g, '').split(/\s+(?:and|or)\s+/i);

/** Of a choice one is enough; of a sum all must be accepted. */
function isAccepted({ name, licence }: Dependency): boolean {
  const accepted = (term: string): boolean =>
    PERMISSIVE.has(term) || RECIPROCAL.some((one) => one.licence === term && one.packages.test(name));
  const terms = termsOf(licence);
  return /\sor\s/i.test(licence) ? terms.some(accepted) : terms.every(accepted);
}

function page(all: readonly Dependency[]): string {
  const byLicence = new Map<string, Dependency[]>();
  for (const one of all) byLicence.set(one.licence, [...(byLicence.get(one.licence) ?? []), one]);
  const counts = [...byLicence].toSorted(([a, x], [b, y]) => y.length - x.length || a.localeCompare(b));
  const table = counts.map(([licence, of]) => {
    const running = of.filter(({ development }) => !development).length;
    return `| ${licence} | ${running} | ${of.length - running} |`;
  });
  const lists = counts.map(([licence, of]) => {
    const names = [...new Set(of.map(({ name, version }) => `${name} ${version}`))].toSorted();
    return `## ${licence}\n\n${names.join(', ')}`;
  });
  return [
    '# Licences of the dependencies',
    'Of every package in `package-lock.json`, those for other systems included. Understudy itself is under Apache-2.0 ([LICENSE](../LICENSE)).',
    '```sh\nnpx vitest run --project medium test/medium/licences.spec.ts -u\n```',
    'writes this page anew; the test fails where it is out of date, and for any licence that is not named here.',
    `| licence | with a farm | to build and test |\n|---|---|---|\n${table.join('\n')}`,
    `These ask for more than their notice:\n\n${RECIPROCAL.map(({ licence, why }) => `- ${licence}: ${why}`).join('\n')}`,
    'Not from npm: ffmpeg and Chromium are the system’s own programs (Debian’s are under GPL-2.0-or-later and BSD-3-Clause), run as processes of their own.',
    ...lists,
  ]
    .join('\n\n')
    .concat('\n');
}

it('each dependency is under a licence that Understudy can be used with, and docs/LICENCES.md lists it', async () => {
  const all = dependencies();
  expect(all.length).toBeGreaterThan(500);
  expect(all.filter((one) => !isAccepted(one)).map(({ name, licence }) => `${name}: ${licence}`)).toEqual([]);
  await expect(page(all)).toMatchFileSnapshot('../../docs/LICENCES.md');
});

it('refuses a licence for the packages it was not accepted for', () => {
  const of = (name: string, licence: string): Dependency => ({ name, version: '1.0.0', licence, development: false });
  expect(isAccepted(of('left-pad', 'GPL-3.0-only'))).toBe(false);
  expect(isAccepted(of('left-pad', 'LGPL-3.0-or-later'))).toBe(false);
  expect(isAccepted(of('left-pad', 'MIT AND AGPL-3.0-only'))).toBe(false);
  expect(isAccepted(of('left-pad', 'none stated'))).toBe(false);
  expect(isAccepted(of('left-pad', '(MIT OR AGPL-3.0-only)'))).toBe(true);
});
