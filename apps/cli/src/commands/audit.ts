import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CONTENT_ROUTES, UnderstudyError } from '@understudy/contracts';
import {
  type Fault,
  type Outside,
  parseEvent,
  parseExportLine,
  parseVerifierKey,
  readOutside,
  toCef,
  type Verification,
  verifyExport,
  witnessed,
} from '@understudy/tlog';
import type { Command } from 'commander';
import { type BundleFindings, verifyBundle } from '../evidence/bundle.js';
import { linesOf } from '../evidence/lines.js';
import { isGzip } from '../evidence/tar.js';
import { addAuditActCommands } from './audit-acts.js';
import { addBundleCommand } from './audit-bundle.js';
import { addWitnessCommand } from './audit-witness.js';
import { connect, type ConnectionOptions, withConnection } from '../remote/farm-connection.js';

interface ExportOptions extends ConnectionOptions {
  out: string;
  format: string;
}
interface VerifyOptions extends ConnectionOptions {
  checkpoint?: string;
  key?: string;
  witnessKey?: string[];
  json?: boolean;
}

export function addAuditCommand(program: Command): void {
  const audit = program
    .command('audit')
    .description('the audit log: take it out, and check it without trusting the farm');
  withConnection(
    audit
      .command('export')
      .description('write the log with its proofs to a file; of events that are not yours to see, their hashes'),
  )
    .requiredOption('--out <file>', 'where to')
    .option('--format <name>', 'ndjson, which `audit verify` reads, or cef for a collector of logs', 'ndjson')
    .action(exportLog);
  withConnection(
    audit
      .command('verify [file]')
      .description(
        'check an export, a bundle, or without a file the farm as it is now: leaves, root, signature, gaps, and the rows the log speaks of',
      ),
  )
    .option('--checkpoint <path>', 'what was kept outside: a file of checkpoints, or a folder of anchors')
    .option('--key <key>', "the log's verifier key as it came to you another way")
    .option('--witness-key <key...>', 'of a witness: only checkpoints that bear its cosignature count (repeatable)')
    .option('--json', 'the findings as the last line of standard output')
    .action(verify);
  addBundleCommand(audit);
  addWitnessCommand(audit);
  addAuditActCommands(audit);
}

async function exportLog(options: ExportOptions): Promise<void> {
  const out = resolve(options.out);
  if (options.format === 'ndjson') {
    await download(options, out);
  } else if (options.format === 'cef') {
    await withDownload(options, (path) => writeCef(path, out));
  } else {
    throw new UnderstudyError('USAGE', '--format is ndjson or cef');
  }
  console.log(`wrote ${out}`);
}

async function verify(file: string | undefined, options: VerifyOptions): Promise<void> {
  if (file === undefined) await withDownload(options, (path) => report(path, options));
  else if (options.server === undefined) await report(file, options);
  else throw new UnderstudyError('USAGE', 'give the file of an export or --server URL, not both');
}

async function report(path: string, options: VerifyOptions): Promise<void> {
  const { found, faults, lines } = await readable(() => findingsOf(path, options));
  const [first, ...others] = faults;
  if (first !== undefined) {
    for (const message of others.slice(0, 19)) console.error(`also: ${message}`);
    throw new UnderstudyError('AUDIT_LOG_BROKEN', first, { details: { ...found } });
  }
  for (const line of lines) console.log(line);
  if (options.json === true) console.log(JSON.stringify(found));
}

interface Findings {
  readonly found: Verification | BundleFindings;
  /** In words, the first one first. */
  readonly faults: readonly string[];
  readonly lines: readonly string[];
}

async function findingsOf(path: string, options: VerifyOptions): Promise<Findings> {
  const given = { outside: await outsideOf(options), verifierKey: options.key };
  if (await isGzip(path)) {
    const found = await verifyBundle(path, given);
    const { consents, events, people } = found.evidence;
    const counted = `${consents} consents, ${people} people and ${events} proved events are what the farm signed`;
    const faults = found.faults.map(({ file, message }) => `${file}: ${message}`);
    return { found, faults, lines: [counted, describe(found.log)] };
  }
  const found = await verifyExport(linesOf(path), given);
  const others = found.faults.slice(1).map(({ message }) => message);
  return { found, faults: found.ok ? [] : [firstBad(found.faults[0]), ...others], lines: [describe(found)] };
}

async function outsideOf({ checkpoint, witnessKey = [] }: VerifyOptions): Promise<Outside | undefined> {
  if (checkpoint !== undefined) {
    const outside = await readOutside(checkpoint);
    return witnessKey.length === 0 ? outside : witnessed(outside, witnessKey.map(parseVerifierKey));
  }
  if (witnessKey.length === 0) return undefined;
  throw new UnderstudyError('USAGE', '--witness-key needs --checkpoint: what the witness cosigned');
}

async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof UnderstudyError) throw cause;
    if (!(cause instanceof SyntaxError) && (cause as NodeJS.ErrnoException).code === undefined) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UnderstudyError('USAGE', `the files cannot be read: ${message}`, { cause });
  }
}

function firstBad(fault: Fault | undefined): string {
  if (fault === undefined) return 'the log does not hold';
  if (fault.before !== undefined)
    return `first bad entry between ${fault.index} and ${fault.before - 1}: ${fault.message}`;
  return fault.index === undefined ? fault.message : `first bad entry ${fault.index}: ${fault.message}`;
}

function describe({
  size,
  rootHash,
  origin,
  hidden,
  opened,
  erased,
  pending,
  rows,
  outsideSize,
}: Verification): string {
  const outside =
    outsideSize === null ? 'no outside checkpoint given' : `agrees with the outside checkpoint of ${outsideSize}`;
  return [
    `${origin}: ${size} entries, root ${rootHash}`,
    `${opened} values that people typed are what the log committed to, ${erased} were erased`,
    `${hidden} not yours to see, ${pending} without a place yet, ${rows} rows are what the log says; ${outside}`,
  ].join('\n');
}

async function download(options: ConnectionOptions, toPath: string): Promise<void> {
  const client = await connect(options);
  try {
    await client.downloadContent(CONTENT_ROUTES.auditExport, toPath);
  } finally {
    client.close();
  }
}

async function withDownload(source: ConnectionOptions, work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-audit-'));
  try {
    const path = join(folder, 'export.ndjson');
    await download(source, path);
    await work(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeCef(path: string, out: string): Promise<void> {
  const partial = `${out}.${process.pid}.partial`;
  const file = await open(partial, 'w', 0o600);
  try {
    for await (const text of linesOf(path)) {
      const line = parseExportLine(text);
      if (line.kind !== 'leaf' || line.event === undefined) continue;
      await file.write(`${toCef(parseEvent(line.event), line.index, line.openings)}\n`);
    }
  } finally {
    await file.close();
  }
  await rename(partial, out);
}
