import { createReadStream } from 'node:fs';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createNodeClient } from '@understudy/client/node';
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
import { readConfig } from '../config.js';

interface Source {
  server: string;
  token?: string;
}
interface ExportOptions extends Source {
  out: string;
  format: string;
}
interface VerifyOptions extends Partial<Source> {
  checkpoint?: string;
  key?: string;
  json?: boolean;
}

const SERVER = 'http://127.0.0.1:8080';
const TOKEN_HELP = 'an API token of somebody who may read the log; default: UNDERSTUDY_TOKEN';

export function addAuditCommand(program: Command): void {
  const audit = program
    .command('audit')
    .description('the audit log: take it out, and check it without trusting the farm');
  audit
    .command('export')
    .description('write the log with its proofs to a file; of events that are not yours to see, their hashes')
    .requiredOption('--out <file>', 'where to')
    .option('--format <name>', 'ndjson, which `audit verify` reads, or cef for a collector of logs', 'ndjson')
    .option('--server <url>', "the farm's coordinator", SERVER)
    .option('--token <secret>', TOKEN_HELP)
    .action(exportLog);
  audit
    .command('verify [file]')
    .description('check an export, or a live farm: leaves, root, signature, gaps, and the rows the log speaks of')
    .option('--checkpoint <path>', 'what was kept outside: a file of checkpoints, or a folder of anchors')
    .option('--key <key>', "the log's verifier key as it came to you another way")
    .option('--server <url>', 'check this farm as it is now, instead of a file')
    .option('--token <secret>', TOKEN_HELP)
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
  const { server } = options;
  if ((file === undefined) === (server === undefined)) {
    throw new UnderstudyError('USAGE', 'give the file of an export, or --server URL');
  }
  if (server === undefined) await report(file ?? '', options);
  else await withDownload({ ...options, server }, (path) => report(path, options));
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

async function download({ server, token = readConfig().token }: Source, toPath: string): Promise<void> {
  if (token === undefined) throw new UnderstudyError('USAGE', '--token SECRET or UNDERSTUDY_TOKEN is needed');
  const client = createNodeClient({ baseUrl: server, token });
  try {
    await client.downloadContent(CONTENT_ROUTES.auditExport, toPath);
  } finally {
    client.close();
  }
}

async function withDownload(source: Source, work: (path: string) => Promise<void>): Promise<void> {
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
