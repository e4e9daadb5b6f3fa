import { UnderstudyError, Uuid, type Webhook, WEBHOOK_EVENTS, WebhookEvent } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, projectNamed, withConnection } from '../../remote/farm-connection.js';

/** Who outside is told of what becomes of a project's shots. */
export function addWebhookCommands(program: Command): void {
  const webhook = program.command('webhook').description("who outside is told of what becomes of a project's shots");
  withConnection(
    webhook
      .command('new')
      .description('tell this address; prints the secret that signs, once')
      .argument('<project>', 'its name')
      .argument('<url>', 'https'),
  )
    .option('--events <names>', `of ${WEBHOOK_EVENTS.join(', ')}; by default all, with commas between`)
    .action(async (project: string, url: string, options: ConnectionOptions & { events?: string }) => {
      const client = await connect(options);
      const { id: projectId } = await projectNamed(client, project);
      const events = options.events === undefined ? {} : { events: options.events.split(',').map(eventOf) };
      const made = await client.call('createWebhook', { params: { projectId }, body: { url, ...events } });
      console.log(`${made.id}\n${made.secret}`);
    });
  withConnection(webhook.command('list').description('the webhooks that you see'))
    .option('--json', 'as one JSON array')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(options)).call('listWebhooks', { query: { limit: 500 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else for (const one of items) console.log(lineOf(one));
    });
  withConnection(
    webhook.command('deliveries').description('what it was told, newest first').argument('<webhook>', 'its id'),
  )
    .option('--json', 'as one JSON array')
    .action(async (id: string, options: ConnectionOptions & { json?: boolean }) => {
      const params = { webhookId: idOf(id) };
      const { items } = await (await connect(options)).call('listWebhookDeliveries', { params, query: { limit: 100 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else {
        for (const { createdAt, event, state, tries, status, error } of items) {
          console.log([createdAt, event, state, `${tries} tries`, status ?? '-', error ?? ''].join('\t').trimEnd());
        }
      }
    });
  withConnection(webhook.command('ping').description('send it a trial event').argument('<webhook>', 'its id')).action(
    async (id: string, options: ConnectionOptions) => {
      const made = await (await connect(options)).call('pingWebhook', { params: { webhookId: idOf(id) }, body: {} });
      console.log(`${made.id} is on its way; see: understudy webhook deliveries ${id}`);
    },
  );
  withConnection(
    webhook.command('enable').description('go on with one that was switched off').argument('<webhook>', 'its id'),
  ).action(async (id: string, options: ConnectionOptions) => {
    const request = { params: { webhookId: idOf(id) }, body: {} };
    console.log(lineOf(await (await connect(options)).call('enableWebhook', request)));
  });
  withConnection(
    webhook
      .command('disable')
      .description('tell it nothing more, until it is enabled again')
      .argument('<webhook>', 'its id'),
  ).action(async (id: string, options: ConnectionOptions) => {
    const request = { params: { webhookId: idOf(id) }, body: {} };
    console.log(lineOf(await (await connect(options)).call('disableWebhook', request)));
  });
  withConnection(
    webhook.command('delete').description('tell this address nothing more').argument('<webhook>', 'its id'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await (await connect(options)).call('deleteWebhook', { params: { webhookId: idOf(id) } });
    console.log('deleted');
  });
}

function lineOf({ id, url, events, disabledAt }: Webhook): string {
  return `${id}\t${url}\t${disabledAt === null ? 'on' : `off since ${disabledAt}`}\t${events.join(',')}`;
}

function eventOf(name: string): WebhookEvent {
  const parsed = WebhookEvent.safeParse(name.trim());
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('USAGE', `${name} is no event; there are: ${WEBHOOK_EVENTS.join(', ')}`);
}

function idOf(value: string): string {
  const parsed = Uuid.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('USAGE', `${value} is no webhook's id; understudy webhook list lists them`);
}
