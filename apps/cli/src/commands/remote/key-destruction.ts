import type { KeyDestruction } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';

interface ReasonOptions extends ConnectionOptions {
  reason: string;
}

/** The end of a project: one person asks, another destroys the key and with it everything that was sealed under it. */
export function addKeyDestructionCommands(project: Command): void {
  withConnection(
    project
      .command('destroy-key')
      .description(
        "ask for a project's key to be destroyed, and with it all of its media, for good; another approves it",
      )
      .argument('<name>'),
  )
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (name: string, { reason, ...connection }: ReasonOptions) => {
      const client = await connect(connection);
      const { id: projectId } = await projectNamed(client, name);
      const { id } = await client.call('askKeyDestruction', { params: { projectId }, body: { project: name, reason } });
      console.log(`${id}: asked for; another person runs: understudy project approve-key-destruction ${id}`);
    });
  withConnection(project.command('key-destructions').description('those that wait for a second person, and those done'))
    .option('--json', 'as one JSON array')
    .action(async ({ json, ...connection }: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(connection)).call('listKeyDestructions', { query: { limit: 500 } });
      if (json === true) console.log(JSON.stringify(items));
      else
        for (const one of items)
          console.log(`${one.id}\t${one.project}\t${standing(one)}\t${one.askedBy}\t${one.reason}`);
    });
  withConnection(
    project
      .command('approve-key-destruction')
      .description('destroy the key that another person asked about; nothing brings it back')
      .argument('<id>'),
  ).action(async (keyDestructionId: string, options: ConnectionOptions) => {
    const done = await (await connect(options)).call('approveKeyDestruction', { params: { keyDestructionId } });
    console.log(`the key of ${done.project} is destroyed; the certificate is in the audit log once its files are gone`);
  });
  withConnection(
    project.command('decline-key-destruction').description('turn it down; the project goes on').argument('<id>'),
  )
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (keyDestructionId: string, { reason, ...connection }: ReasonOptions) => {
      const body = { reason };
      await (await connect(connection)).call('declineKeyDestruction', { params: { keyDestructionId }, body });
      console.log('declined');
    });
}

function standing({ approvedAt, certifiedAt }: KeyDestruction): string {
  if (approvedAt === null) return 'waits for a second person';
  return certifiedAt === null ? `destroyed ${approvedAt}, its files are being taken away` : `certified ${certifiedAt}`;
}
