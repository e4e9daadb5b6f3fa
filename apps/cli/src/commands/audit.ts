import { createReadStream } from 'node:fs';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { CONTENT_ROUTES, UnderstudyError } from '@understudy/contracts';
import {
  type Fault,
  parseEvent,
  parseExportLine,
  readOutside,
  toCef,
  type Verification,
  verifyExport,
} from '@understudy/tlog';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../remote/farm-connection.js';

interface ExportOptions extends ConnectionOptions {
  out: string;
  format: string;
}
interface VerifyOptions extends ConnectionOptions {
  checkpoint?: string;
  key?: string;
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
        'check an export, or without a file the farm as it is now: leaves, root, signature, gaps, and the rows the log speaks of',
      ),
  )
    .option('--checkpoint <path>', 'what was kept outside: a file of checkpoints, or a folder of anchors')
    .option('--key <key>', "the log's verifier key as it came to you another way")
    .option('--json', 'the findings as the last line of standard output')
    .action(verify);
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

async function report(path: string, { checkpoint, key, json }: VerifyOptions): Promise<void> {
  const found = await findingsOf(path, checkpoint, key);
  if (!found.ok) {
    const [first] = found.faults;
    for (const { message } of found.faults.slice(1, 20)) console.error(`also: ${message}`);
    throw new UnderstudyError('AUDIT_LOG_BROKEN', firstBad(first), { details: { ...found } });
  }
  console.log(describe(found));
  if (json === true) console.log(JSON.stringify(found));
}

async function findingsOf(path: string, checkpoint?: string, verifierKey?: string): Promise<Verification> {
  try {
    const outside = checkpoint === undefined ? undefined : await readOutside(checkpoint);
    return await verifyExport(linesOf(path), { outside, verifierKey });
  } catch (cause) {
    if (!(cause instanceof SyntaxError) && (cause as NodeJS.ErrnoException).code === undefined) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UnderstudyError('USAGE', `the files cannot be read: ${message}`, { cause });
  }
}

const linesOf = (path: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(path, { highWaterMark: 1 << 18 }), crlfDelay: Infinity });

function firstBad(fault: Fault | undefined): string {
  if (fault === undefined) return 'the log does not hold';
  if (fault.before !== undefined)
    return `first bad entry between ${fault.index} and ${fault.before - 1}: ${fault.message}`;
  return fault.index === undefined ? fault.message : `first bad entry ${fault.index}: ${fault.message}`;
}

function describe({ size, rootHash, origin, hidden, pending, rows, outsideSize }: Verification): string {
  const outside =
    outsideSize === null ? 'no outside checkpoint given' : `agrees with the outside checkpoint of ${outsideSize}`;
  return [
    `${origin}: ${size} entries, root ${rootHash}`,
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
      await file.write(`${toCef(parseEvent(line.event), line.index)}\n`);
    }
  } finally {
    await file.close();
  }
  await rename(partial, out);
}
