import { FARM_ROLES, type FarmRole, PROJECT_ROLES, type ProjectRole, UnderstudyError } from '@understudy/contracts';
import { type Command, Option } from 'commander';
import {
  connect,
  type ConnectionOptions,
  projectNamed,
  userNamed,
  withConnection,
} from '../../remote/farm-connection.js';
import { askSecret } from '../../terminal/ask-secret.js';
import { wholeNumber } from '../../terminal/whole-number.js';

export const AWAITS_APPROVAL =
  'gets that role once another org admin approves it: understudy user requests, understudy user approve';

interface NewUserOptions extends ConnectionOptions {
  email: string;
  name: string;
  farmRole?: FarmRole[];
}

interface InviteOptions extends NewUserOptions {
  performer?: string;
  project?: string;
  role?: ProjectRole;
  hours: number;
}

export function addUserCommands(program: Command): void {
  const user = program.command('user').description('accounts of a farm, and who gets which role');
  addMaking(user);
  addRoles(user);
  withConnection(user.command('list').description('the accounts that you see')).action(
    async (options: ConnectionOptions) => {
      const { items } = await (await connect(options)).call('listUsers', { query: { limit: 500 } });
      for (const one of items) console.log(`${one.email}\t${one.name}\t${one.farmRoles.join(', ')}`);
    },
  );
  withConnection(user.command('disable').description('shut somebody out').argument('<email>'))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (email: string, { reason, ...connection }: ConnectionOptions & { reason: string }) => {
      const client = await connect(connection);
      const { id: userId } = await userNamed(client, email);
      await client.call('disableUser', { params: { userId }, body: { reason } });
      console.log(`${email} is let in no more`);
    });
}

const farmRoleOption = () =>
  new Option('--farm-role <role...>', 'what they may do on the whole farm').choices(FARM_ROLES);

function addMaking(user: Command): void {
  withConnection(user.command('new').description('make an account; its first password is read from standard input'))
    .requiredOption('--email <address>', 'sign-in name')
    .requiredOption('--name <name>', 'how they are called')
    .addOption(farmRoleOption())
    .action(async ({ email, name, farmRole = [], ...connection }: NewUserOptions) => {
      const client = await connect(connection);
      const password = await askSecret(`first password of ${email} (12 letters or more): `);
      const made = await client.call('createUser', { body: { email, name, password, farmRoles: farmRole } });
      console.log(`made the account ${email}`);
      if (made.farmRoles.length < farmRole.length) console.log(`${email} ${AWAITS_APPROVAL}`);
    });
  withConnection(user.command('invite').description('print a link with which somebody makes their own account, once'))
    .requiredOption('--email <address>', 'sign-in name')
    .requiredOption('--name <name>', 'how they are called')
    .addOption(farmRoleOption())
    .option('--project <name>', 'a project that they will work on')
    .addOption(new Option('--role <role>', 'what they may do in it').choices(PROJECT_ROLES))
    .option('--performer <id>', 'the performer whose own portal it opens, by id; then of no other role')
    .option('--hours <n>', 'for how long the link holds', wholeNumber, 72)
    .option('--json', 'as one JSON object')
    .action(invite);
  withConnection(user.command('join').description('make your account with the secret of an invitation'))
    .requiredOption('--secret <secret>', 'what stands behind # in the link')
    .action(async ({ secret, server, token = 'none' }: ConnectionOptions & { secret: string }) => {
      const client = await connect({ token, ...(server === undefined ? {} : { server }) });
      const password = await askSecret('your password (12 letters or more): ');
      const { email } = await client.call('acceptInvitation', { body: { secret, password } });
      console.log(`made the account ${email}; sign in with: understudy login`);
    });
}

async function invite(options: InviteOptions & { json?: boolean }): Promise<void> {
  const { email, name, farmRole = [], project, role, performer = null, hours, json, ...connection } = options;
  if ((project === undefined) !== (role === undefined)) {
    throw new UnderstudyError('USAGE', '--project and --role go together');
  }
  const client = await connect(connection);
  const memberships =
    project === undefined || role === undefined ? [] : [{ projectId: (await projectNamed(client, project)).id, role }];
  const body = { email, name, farmRoles: farmRole, memberships, performerId: performer, validHours: hours };
  const made = await client.call('createInvitation', { body });
  if (json === true) console.log(JSON.stringify(made));
  else console.log(`until ${made.expiresAt}, once: CONSOLE/join#${made.secret}`);
}

function addRoles(user: Command): void {
  withConnection(user.command('grant').description('give somebody a role on the whole farm').argument('<email>'))
    .addOption(new Option('--farm-role <role>', 'which one').choices(FARM_ROLES).makeOptionMandatory())
    .action(async (email: string, { farmRole, ...connection }: ConnectionOptions & { farmRole: FarmRole }) => {
      const client = await connect(connection);
      const { id: userId } = await userNamed(client, email);
      const { pending } = await client.call('grantFarmRole', { params: { userId }, body: { role: farmRole } });
      console.log(pending ? `${email} ${AWAITS_APPROVAL}` : `${email} is ${farmRole}`);
    });
  withConnection(user.command('ungrant').description('take a role on the whole farm away').argument('<email>'))
    .addOption(new Option('--farm-role <role>', 'which one').choices(FARM_ROLES).makeOptionMandatory())
    .action(async (email: string, { farmRole, ...connection }: ConnectionOptions & { farmRole: FarmRole }) => {
      const client = await connect(connection);
      const { id: userId } = await userNamed(client, email);
      await client.call('takeRole', { body: { userId, role: farmRole } });
      console.log(`${email} is no longer ${farmRole}`);
    });
  withConnection(
    user.command('requests').description('roles that wait for a second person, and accounts that are to be performers'),
  )
    .option('--json', 'as one JSON array')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(options)).call('listRoleRequests', { query: { limit: 500 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else
        for (const { id, user: name, email, role, project } of items)
          console.log(`${id}\t${name}\t${email}\t${role}\t${project ?? 'whole farm'}`);
    });
  withConnection(
    user
      .command('approve')
      .description(
        'give what another person asked for: a role as org admin, an account that is to be a performer as consent officer',
      )
      .argument('<id>'),
  ).action(async (roleRequestId: string, options: ConnectionOptions) => {
    await (await connect(options)).call('approveRoleRequest', { params: { roleRequestId } });
    console.log('given');
  });
  withConnection(user.command('decline').description('turn a request for a role down').argument('<id>'))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (roleRequestId: string, { reason, ...connection }: ConnectionOptions & { reason: string }) => {
      await (await connect(connection)).call('declineRoleRequest', { params: { roleRequestId }, body: { reason } });
      console.log('declined');
    });
}
