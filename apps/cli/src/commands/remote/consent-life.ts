import { type Consent, UnderstudyError, Uuid } from '@understudy/contracts';
import type { Command } from 'commander';
import { readConsentDocument } from '../../consent/document.js';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';

/** What each decision does, and the route that takes it. */
const DECISIONS = [
  ['activate', 'activateConsent', 'let work begin under a consent that somebody else imported'],
  ['suspend', 'suspendConsent', 'hold a consent: nothing more is rendered or released under it'],
  ['revoke', 'revokeConsent', 'end a consent for good: running work stops, deliveries are locked'],
] as const;

/** Consents on a farm: brought in, looked at, decided on. */
export function addConsentLifeCommands(consent: Command): void {
  withConnection(consent.command('import').description('bring a consent document to a farm').argument('<file>'))
    .option('--project <name>', "by default the document's")
    .option('--json', 'as one JSON object')
    .action(importConsent);
  withConnection(consent.command('list').description('the consents that you see'))
    .option('--project <name>', 'of this project alone')
    .option('--json', 'as one JSON array')
    .action(async (options: ConnectionOptions & { project?: string; json?: boolean }) => {
      const client = await connect(options);
      const projectId = options.project === undefined ? undefined : (await projectNamed(client, options.project)).id;
      const query = projectId === undefined ? { limit: 500 } : { limit: 500, projectId };
      const { items } = await client.call('listConsents', { query });
      if (options.json === true) console.log(JSON.stringify(items));
      else for (const one of items) console.log(lineOf(one));
    });
  for (const [name, route, description] of DECISIONS) {
    withConnection(consent.command(name).description(description).argument('<consent>', 'its id'))
      .requiredOption('--reason <text>', 'why; kept in the audit log')
      .action(async (id: string, options: ConnectionOptions & { reason: string }) => {
        const consentId = Uuid.safeParse(id);
        if (!consentId.success) {
          throw new UnderstudyError('USAGE', `${id} is no consent's id; understudy consent list shows them`);
        }
        const client = await connect(options);
        const request = { params: { consentId: consentId.data }, body: { reason: options.reason } };
        console.log(lineOf(await client.call(route, request)));
      });
  }
}

async function importConsent(
  file: string,
  options: ConnectionOptions & { project?: string; json?: boolean },
): Promise<void> {
  const document = await readConsentDocument(file);
  const client = await connect(options);
  const project = await projectNamed(client, options.project ?? document.statement.scope.project);
  const imported = await client.call('importConsent', { params: { projectId: project.id }, body: document });
  if (options.json === true) {
    console.log(JSON.stringify(imported));
    return;
  }
  for (const consent of imported.consents) console.log(lineOf(consent));
  if (imported.waivers.length > 0) console.log(`waived: ${imported.waivers.join(', ')}`);
}

function lineOf(consent: Consent): string {
  return `${consent.id}\t${consent.performer} (${consent.role}) v${consent.version}\t${consent.level}\t${consent.state}`;
}
