import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeClient } from '@understudy/client/node';
import { CONTENT_ROUTES, type RouteInput, UnderstudyError } from '@understudy/contracts';
import {
  type Evidence,
  NOTHING_OUTSIDE,
  type Outside,
  parseCheckpoint,
  type Verification,
  verifyEvidence,
  verifyExport,
  type VerifyOptions,
} from '@understudy/tlog';
import { linesOf } from './lines.js';
import { drawPage } from './page.js';
import { readTarGz, textOf, writeTarGz } from './tar.js';

/** In the order in which they lie in the archive. */
const FILES = ['index.html', 'evidence.json', 'evidence.note', 'log.ndjson', 'manifest.json'] as const;
const MANIFEST_FORMAT = 'understudy-bundle/1';
type Manifest = { format: string; files: Record<string, string> };

export interface BundleFault {
  /** The file of the bundle. */
  readonly file: string;
  readonly message: string;
}

export interface BundleFindings {
  readonly ok: boolean;
  readonly faults: readonly BundleFault[];
  readonly evidence: { readonly consents: number; readonly events: number; readonly people: number };
  readonly log: Verification;
}

async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-evidence-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Asks the farm for its evidence and the log, draws the page and packs it all. Nothing half-written stays at `out`. */
export async function makeBundle(
  client: NodeClient,
  query: RouteInput<'getEvidence'>['query'],
  out: string,
): Promise<Evidence> {
  return inFolder(async (folder) => {
    const { evidence: text, note } = await client.call('getEvidence', { query });
    const evidence = JSON.parse(text) as Evidence;
    await writeFile(join(folder, 'evidence.json'), text);
    await writeFile(join(folder, 'evidence.note'), note);
    await writeFile(join(folder, 'index.html'), drawPage(evidence));
    // After the evidence: its checkpoint must be found again in the log.
    await client.downloadContent(CONTENT_ROUTES.auditExport, join(folder, 'log.ndjson'));
    const files: Record<string, string> = {};
    for (const name of FILES.slice(0, -1)) files[name] = await sha256File(join(folder, name));
    const manifest: Manifest = { format: MANIFEST_FORMAT, files };
    await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    const partial = `${out}.${process.pid}.partial`;
    try {
      await writeTarGz(
        partial,
        FILES.map((name) => join(folder, name)),
      );
      await rename(partial, out);
    } finally {
      await rm(partial, { force: true });
    }
    return evidence;
  });
}

async function manifestFaults(folder: string, names: readonly string[]): Promise<BundleFault[]> {
  const missing = FILES.filter((name) => !names.includes(name)).map((file) => ({ file, message: 'is missing' }));
  const extra = names
    .filter((name) => !(FILES as readonly string[]).includes(name))
    .map((file) => ({ file, message: 'belongs to no bundle' }));
  if (missing.length > 0) return [...missing, ...extra];
  const { format, files } = JSON.parse(await textOf(folder, 'manifest.json')) as Manifest;
  if (format !== MANIFEST_FORMAT) return [{ file: 'manifest.json', message: 'is of a format that is not known' }];
  const changed: BundleFault[] = [];
  for (const name of FILES.slice(0, -1)) {
    if ((await sha256File(join(folder, name))) === files[name]) continue;
    changed.push({ file: name, message: 'is not the file that the manifest names' });
  }
  return [...extra, ...changed];
}

/** The evidence's own checkpoint beside what was kept outside: the log in the bundle must begin with both. */
function beside(outside: Outside | undefined, checkpoint: string): Outside {
  const kept = outside ?? NOTHING_OUTSIDE;
  const checkpoints = [...kept.checkpoints, parseCheckpoint(checkpoint)];
  return { ...kept, checkpoints: checkpoints.toSorted((one, other) => one.size - other.size) };
}

/**
 * Verifies a bundle offline: its files, the farm's signature, the places of its events, the consents against their events, the
 * page against the evidence, and the whole log.
 *
 * @throws UnderstudyError USAGE for what is no bundle
 */
export async function verifyBundle(path: string, options: VerifyOptions): Promise<BundleFindings> {
  return inFolder(async (folder) => {
    const names = await readTarGz(path, folder);
    try {
      return await findings(folder, names, options);
    } catch (cause) {
      const isUnreadable = cause instanceof SyntaxError || cause instanceof TypeError;
      if (!isUnreadable && (cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      const [first] = await manifestFaults(folder, names).catch(() => []);
      const what = first === undefined ? (cause as Error).message : `${first.file} ${first.message}`;
      throw new UnderstudyError('AUDIT_LOG_BROKEN', `the bundle does not hold: ${what}`, { cause });
    }
  });
}

async function findings(
  folder: string,
  names: readonly string[],
  { outside, verifierKey: key }: VerifyOptions,
): Promise<BundleFindings> {
  const faults = await manifestFaults(folder, names);
  const { evidence, faults: found } = verifyEvidence(
    await textOf(folder, 'evidence.json'),
    await textOf(folder, 'evidence.note'),
    key,
  );
  faults.push(...found.map(({ at, message }) => ({ file: 'evidence.json', message: `${at}: ${message}` })));
  if (drawPage(evidence) !== (await readFile(join(folder, 'index.html'), 'utf8'))) {
    faults.push({
      file: 'index.html',
      message: 'does not show this evidence (or another version of understudy drew it)',
    });
  }
  const log = await verifyExport(linesOf(join(folder, 'log.ndjson')), {
    outside: beside(outside, evidence.checkpoint),
    verifierKey: key ?? evidence.verifierKey,
  });
  faults.push(...log.faults.map(({ message }) => ({ file: 'log.ndjson', message })));
  const { consents, events, people } = evidence;
  const counts = { consents: consents.length, events: events.length, people: people.length };
  return { ok: faults.length === 0, faults, evidence: counts, log };
}
