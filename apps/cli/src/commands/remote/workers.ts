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
    workers.command('approve').description('let a worker in that another person asked for').argument('<name>'),
  ).action(async (name: string, options: ConnectionOptions) => {
    const client = await connect(options);
    await client.call('approveWorker', { params: { workerId: (await workerNamed(client, name)).id } });
    console.log(`${name} gets work`);
  });
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

async function workerNamed(client: NodeClient, name: string): Promise<Worker> {
  const { items } = await client.call('listWorkers', { query: { limit: 500 } });
  const worker = items.find((one) => one.name === name || one.id === name);
  if (worker !== undefined) return worker;
  throw new UnderstudyError('NOT_FOUND', `there is no worker ${name}; see: understudy workers list`);
}

function lineOf({ id, name, projectIds, awaitsApprovalOf, disabledAt, lanes }: Worker): string {
  const state =
    disabledAt !== null ? 'shut out' : awaitsApprovalOf !== null ? 'waits for approval' : `${lanes.length} lanes`;
  return `${id}\t${name}\t${state}\t${projectIds === null ? 'any project' : `projects ${projectIds.join(', ') || 'none'}`}`;
}
