import type { NodeClient } from '@understudy/client/node';
import { UnderstudyError, Uuid, type Worker } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';

const PENDING = 'it gets no work before another person approves it: understudy workers approve';

export function addWorkersCommands(program: Command): void {
  const workers = program
    .command('workers')
    .description("a farm's workers: who is let in, and whose work they may see");
  withConnection(workers.command('list').description('the workers of a farm'))
    .option('--json', 'as one JSON array')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(options)).call('listWorkers', { query: { limit: 500 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else for (const worker of items) console.log(lineOf(worker));
    });
  withConnection(workers.command('new').description('let a worker in; its token is shown once').argument('<name>'))
    .option('--project <name...>', 'it is handed the work of these projects alone')
    .option('--json', 'as one JSON object')
    .action(async (name: string, { project, json, ...connection }: NewWorkerOptions) => {
      const client = await connect(connection);
      const made = await client.call('createWorker', { body: { name, projectIds: await idsOf(client, project) } });
      if (json === true) return console.log(JSON.stringify(made));
      console.log(`it joins with: understudy worker --server … --token ${made.secret}`);
      if (made.pending) console.log(PENDING);
    });
  withConnection(
    workers
      .command('approve')
      .description('let a worker in that another person asked for, and the key that it shows')
      .argument('<name>'),
  )
    .option('--key <fingerprint...>', "as the worker's own log has it; without it no key is approved")
    .action(async (name: string, { key = [], ...connection }: ConnectionOptions & { key?: string[] }) => {
      const client = await connect(connection);
      const { id: workerId, keys } = await workerNamed(client, name);
      const fingerprints = key.map((start) => fingerprintOf(keys, start));
      await client.call('approveWorker', { params: { workerId }, body: { fingerprints } });
      const waiting = keys.filter(
        ({ approvedAt, fingerprint }) => approvedAt === null && !fingerprints.includes(fingerprint),
      );
      console.log(`${name} is approved, with ${fingerprints.length} of its keys`);
      for (const { fingerprint } of waiting) console.log(`a key waits still: ${fingerprint}`);
    });
  withConnection(workers.command('keys').description('the keys that a worker has shown').argument('<name>')).action(
    async (name: string, options: ConnectionOptions) => {
      const { keys } = await workerNamed(await connect(options), name);
      for (const { fingerprint, firstSeenAt, approvedAt } of keys) {
        console.log(`${fingerprint}\t${approvedAt === null ? 'waits' : 'approved'}\tfirst seen ${firstSeenAt}`);
      }
    },
  );
  withConnection(
    workers.command('end-key').description("end a key of a worker's, and what it opened").argument('<name>'),
  )
    .requiredOption('--key <fingerprint>', 'or its beginning')
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(
      async (name: string, { key, reason, ...connection }: ConnectionOptions & { key: string; reason: string }) => {
        const client = await connect(connection);
        const { id: workerId, keys } = await workerNamed(client, name);
        const fingerprint = fingerprintOf(keys, key);
        const workerKeyId = keys.find((one) => one.fingerprint === fingerprint)?.id ?? '';
        await client.call('endWorkerKey', { params: { workerId, workerKeyId }, body: { reason } });
        console.log(`the key ${fingerprint} of ${name} is ended`);
      },
    );
  withConnection(workers.command('projects').description('whose work a worker may be handed').argument('<name>'))
    .option('--project <name...>', 'these alone')
    .option('--any', 'that of any project')
    .action(async (name: string, { project, any, ...connection }: NewWorkerOptions & { any?: boolean }) => {
      if ((project === undefined) === (any === undefined)) {
        throw new UnderstudyError('USAGE', 'give the projects with --project, or --any for all');
      }
      const client = await connect(connection);
      const { id: workerId } = await workerNamed(client, name);
      const body = { projectIds: await idsOf(client, project) };
      const { pending } = await client.call('tieWorker', { params: { workerId }, body });
      console.log(
        pending ? `${name}: ${PENDING}` : `${name} is handed the work of ${project?.join(', ') ?? 'any project'}`,
      );
    });
  withConnection(workers.command('disable').description("end a worker's token for good").argument('<name>'))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (name: string, { reason, ...connection }: ConnectionOptions & { reason: string }) => {
      const client = await connect(connection);
      const { id: workerId } = await workerNamed(client, name);
      await client.call('disableWorker', { params: { workerId }, body: { reason } });
      console.log(`${name} is let in no more`);
    });
}

/** Hex digits: nobody makes another key with so many the same. */
const LEAST_OF_FINGERPRINT = 16;

interface NewWorkerOptions extends ConnectionOptions {
  project?: string[];
  json?: boolean;
}

/** Projects by name, or by id where one may not see their names. */
async function idsOf(client: NodeClient, names: readonly string[] | undefined): Promise<string[] | null> {
  if (names === undefined) return null;
  const ids: string[] = [];
  for (const name of names) ids.push(Uuid.safeParse(name).success ? name : (await projectNamed(client, name)).id);
  return ids;
}

/** A beginning is enough where it is long and fits one. */
function fingerprintOf(keys: Worker['keys'], start: string): string {
  const fitting = keys.filter(({ fingerprint }) => fingerprint.startsWith(start.toLowerCase()));
  const [only] = fitting;
  if (start.length >= LEAST_OF_FINGERPRINT && only !== undefined && fitting.length === 1) return only.fingerprint;
  throw new UnderstudyError(
    'NOT_FOUND',
    `no key, or no single one, begins with ${start}; see: understudy workers keys`,
  );
}

async function workerNamed(client: NodeClient, name: string): Promise<Worker> {
  const { items } = await client.call('listWorkers', { query: { limit: 500 } });
  const worker = items.find((one) => one.name === name || one.id === name);
  if (worker !== undefined) return worker;
  throw new UnderstudyError('NOT_FOUND', `there is no worker ${name}; see: understudy workers list`);
}

function lineOf({ id, name, projectIds, awaitsApprovalOf, disabledAt, keys, lanes }: Worker): string {
  const state =
    disabledAt !== null ? 'shut out' : awaitsApprovalOf !== null ? 'waits for approval' : `${lanes.length} lanes`;
  const waiting = keys.filter(({ approvedAt }) => approvedAt === null).length;
  return `${id}\t${name}\t${state}\t${projectIds === null ? 'any project' : `projects ${projectIds.join(', ') || 'none'}`}${waiting === 0 ? '' : `\t${waiting} keys wait`}`;
}
