import { FARM_ROLES, type FarmRole } from '@understudy/contracts';
import { type Command, Option } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';
import { askSecret } from '../../terminal/ask-secret.js';

interface NewUserOptions extends ConnectionOptions {
  email: string;
  name: string;
  farmRole?: FarmRole[];
}

export function addUserCommands(program: Command): void {
  const user = program.command('user').description('accounts of a farm');
  withConnection(user.command('new').description('make an account; its first password is read from standard input'))
    .requiredOption('--email <address>', 'sign-in name')
    .requiredOption('--name <name>', 'how they are called')
    .addOption(new Option('--farm-role <role...>', 'what they may do on the whole farm').choices(FARM_ROLES))
    .action(async ({ email, name, farmRole, ...connection }: NewUserOptions) => {
      const client = await connect(connection);
      const password = await askSecret(`first password of ${email} (12 letters or more): `);
      await client.call('createUser', { body: { email, name, password, farmRoles: farmRole ?? [] } });
      console.log(`made the account ${email}`);
    });
  withConnection(user.command('list').description('the accounts that you see')).action(
    async (options: ConnectionOptions) => {
      const { items } = await (await connect(options)).call('listUsers', { query: { limit: 500 } });
      for (const one of items) console.log(`${one.email}\t${one.name}\t${one.farmRoles.join(', ')}`);
    },
  );
}
