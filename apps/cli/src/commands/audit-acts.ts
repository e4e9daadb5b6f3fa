import type { Restore } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../remote/farm-connection.js';

interface ReasonOptions extends ConnectionOptions {
  reason: string;
}
interface EraseOptions extends ReasonOptions {
  project?: string;
  event: string[];
  about?: string;
}

/** What two people do: erase what was typed into events, and let a restored database go on. */
export function addAuditActCommands(audit: Command): void {
  addErasing(audit);
  withConnection(
    audit
      .command('accept-restore')
      .description(
        'say that a database that is not the one that was anchored is meant to go on; an org admin and a compliance auditor do, one after the other',
      ),
  )
    .option('--reason <text>', 'what was looked at, and why it may go on; without it, what there is to decide is shown')
    .action(acceptRestore);
}

function addErasing(audit: Command): void {
  withConnection(
    audit
      .command('erase')
      .description(
        'ask for what people typed into events to be erased; another person approves it, and all proofs stay',
      ),
  )
    .option('--project <name>', 'of events of this project; by default of the farm')
    .option('--event <id...>', 'these events (repeatable)', [])
    .option('--about <id>', 'all that speaks of a person, a performer, a consent or a shot, by its id')
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(erase);
  withConnection(audit.command('erasures').description('erasures that wait for a second person'))
    .option('--json', 'as one JSON array')
    .action(async ({ json, ...connection }: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(connection)).call('listErasures', { query: { limit: 500 } });
      if (json === true) console.log(JSON.stringify(items));
      else
        for (const one of items) console.log(`${one.id}\t${one.eventIds.length} events\t${one.askedBy}\t${one.reason}`);
    });
  withConnection(
    audit.command('approve-erasure').description('erase what another person asked for').argument('<id>'),
  ).action(async (erasureId: string, options: ConnectionOptions) => {
    const { erased } = await (await connect(options)).call('approveErasure', { params: { erasureId } });
    console.log(`values erased: ${erased}; their events stay`);
  });
  withConnection(audit.command('decline-erasure').description('turn an erasure down').argument('<id>'))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (erasureId: string, { reason, ...connection }: ReasonOptions) => {
      await (await connect(connection)).call('declineErasure', { params: { erasureId }, body: { reason } });
      console.log('declined');
    });
}

async function erase({ project, event, about, reason, ...connection }: EraseOptions): Promise<void> {
  if (event.length === 0 && about === undefined) {
    throw new UnderstudyError('USAGE', 'name the events with --event, or whom they are about with --about');
  }
  const client = await connect(connection);
  const projectId = project === undefined ? null : (await projectNamed(client, project)).id;
  const body = { projectId, eventIds: event, reason, ...(about === undefined ? {} : { about }) };
  const { id, eventIds } = await client.call('askErasure', { body });
  console.log(
    `${id}: asked for ${eventIds.length} events; another person runs: understudy audit approve-erasure ${id}`,
  );
}

async function acceptRestore({ reason, ...connection }: ConnectionOptions & { reason?: string }): Promise<void> {
  const client = await connect(connection);
  const before = await client.call('getRestore', {});
  console.log(standing(before));
  if (reason === undefined || before.held === null) return;
  if (before.asked === null) {
    await client.call('askRestore', { body: { reason } });
    console.log('asked; another person runs the same command with a reason of their own');
    return;
  }
  const after = await client.call('acceptRestore', { body: { reason } });
  if (after.held !== null) throw new UnderstudyError('LOG_BEHIND_ANCHOR', `still held: ${after.held}`);
  console.log('accepted: leases are given again, and the anchors begin anew beside the old ones');
}

function standing({ held, anchored, log, asked }: Restore): string {
  if (held === null) return `leases are given; the log has ${log.size} entries`;
  return [
    `no lease is given: ${held}`,
    `anchored: ${anchored?.size ?? 0} entries, root ${anchored?.rootHash ?? '-'}`,
    `here:     ${log.size} entries, root ${log.rootHash}`,
    ...(asked === null ? [] : [`asked for by ${asked.by} until ${asked.expiresAt}: ${asked.reason}`]),
  ].join('\n');
}
