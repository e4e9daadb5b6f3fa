import { resolve } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { makeBundle } from '../evidence/bundle.js';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../remote/farm-connection.js';

interface BundleOptions extends ConnectionOptions {
  out: string;
  project?: string;
  from?: string;
  to?: string;
}

export function addBundleCommand(audit: Command): void {
  withConnection(
    audit
      .command('bundle')
      .description(
        "an assessor's evidence in one archive: policies, access review, consents and their use, proofs, deletion certificates, the log",
      ),
  )
    .requiredOption('--out <file>', 'a .tar.gz; `audit verify` checks it offline')
    .option('--project <name>', 'of this project; by default of all that you audit')
    .option('--from <date>', 'what was made and done since then; a date, or an instant like 2026-01-31T12:00:00Z')
    .option('--to <date>', 'and before then')
    .action(bundle);
}

async function bundle(options: BundleOptions): Promise<void> {
  const out = resolve(options.out);
  const [from, to] = [instantOf(options.from), instantOf(options.to)];
  const client = await connect(options);
  try {
    const projectId = options.project === undefined ? undefined : (await projectNamed(client, options.project)).id;
    const query = {
      ...(projectId === undefined ? {} : { projectId }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    const { consents, people, events } = await makeBundle(client, query, out);
    console.log(`wrote ${out}: ${consents.length} consents, ${people.length} people, ${events.length} proved events`);
  } finally {
    client.close();
  }
}

function instantOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new UnderstudyError('USAGE', `${text} is no date; write it like 2026-01-31`);
}
