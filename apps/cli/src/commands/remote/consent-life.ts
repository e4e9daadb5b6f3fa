import { CONSENT_HOLDS, type Consent, UnderstudyError, Uuid } from '@understudy/contracts';
import { type Command, Option } from 'commander';
import { readConsentDocument } from '../../consent/document.js';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';

/** What each decision does, and the route that takes it. */
const DECISIONS = [
  ['suspend', 'suspendConsent', 'hold a consent: nothing more is rendered or released under it'],
  ['revoke', 'revokeConsent', 'end a consent for good: running work stops, deliveries are locked'],
  ['decline', 'declineConsent', 'turn down for good a consent that waits for review'],
] as const;

const HOLDS = [
  ['hold', 'holdConsent', 'let nothing be done under a consent until the hold is lifted'],
  ['lift', 'liftConsentHold', 'lift a hold that somebody else placed'],
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
  addDecisions(consent);
  addHolds(consent);
  withConnection(
    consent.command('receipt').description('a signed receipt of a consent, for the performer').argument('<consent>'),
  ).action(async (id: string, options: ConnectionOptions) => {
    const client = await connect(options);
    console.log(JSON.stringify(await client.call('getConsentReceipt', { params: consentNamed(id) }), null, 2));
  });
}

function addDecisions(consent: Command): void {
  decision(consent, 'activate', 'let work begin under a consent that somebody else imported')
    .option('--waive-notice <text>', 'why the notice to the performer need not have run, or been sent')
    .action(async (id: string, options: DecisionOptions & { waiveNotice?: string }) => {
      const client = await connect(options);
      const { reason, waiveNotice } = options;
      const body = waiveNotice === undefined ? { reason } : { reason, waiveNotice };
      console.log(lineOf(await client.call('activateConsent', { params: consentNamed(id), body })));
    });
  for (const [name, route, description] of DECISIONS) {
    decision(consent, name, description).action(async (id: string, options: DecisionOptions) => {
      const client = await connect(options);
      const request = { params: consentNamed(id), body: { reason: options.reason } };
      console.log(lineOf(await client.call(route, request)));
    });
  }
}

function addHolds(consent: Command): void {
  const kind = () => new Option('--kind <kind>', 'which').choices(CONSENT_HOLDS).makeOptionMandatory();
  for (const [name, route, description] of HOLDS) {
    decision(consent, name, description)
      .addOption(kind())
      .action(async (id: string, options: DecisionOptions & { kind: (typeof CONSENT_HOLDS)[number] }) => {
        const client = await connect(options);
        const body = { kind: options.kind, reason: options.reason };
        console.log(lineOf(await client.call(route, { params: consentNamed(id), body })));
      });
  }
}

type DecisionOptions = ConnectionOptions & { reason: string };

function decision(consent: Command, name: string, description: string): Command {
  return withConnection(consent.command(name).description(description).argument('<consent>', 'its id')).requiredOption(
    '--reason <text>',
    'why; kept in the audit log',
  );
}

function consentNamed(id: string): { consentId: string } {
  const consentId = Uuid.safeParse(id);
  if (consentId.success) return { consentId: consentId.data };
  throw new UnderstudyError('USAGE', `${id} is no consent's id; understudy consent list shows them`);
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
  const held = consent.holds.length === 0 ? '' : `\ton hold: ${consent.holds.join(', ')}`;
  return `${consent.id}\t${consent.performer} (${consent.role}) v${consent.version}\t${consent.level}\t${consent.state}${held}`;
}
