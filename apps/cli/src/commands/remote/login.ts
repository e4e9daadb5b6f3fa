import { hostname } from 'node:os';
import { createNodeClient, type NodeClient } from '@understudy/client/node';
import { type Me, UnderstudyError } from '@understudy/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../../config.js';
import { connect } from '../../remote/farm-connection.js';
import { forgetSignIn, keepSignIn, readSignIn } from '../../remote/kept-sign-in.js';
import { askSecret } from '../../terminal/ask-secret.js';
import { wholeNumber } from '../../terminal/whole-number.js';

interface LoginOptions {
  server: string;
  email: string;
  days: number;
}

export function addLoginCommands(program: Command): void {
  program
    .command('login')
    .description('sign in to a farm; password and code are asked for, or read as lines from standard input')
    .requiredOption('--server <url>', "the farm's address", serverAddress)
    .requiredOption('--email <address>', 'your sign-in name')
    .option('--days <n>', 'for how long', wholeNumber, 7)
    .action(login);
  program
    .command('logout')
    .description('forget the sign-in of this host')
    .action(async () => {
      await forgetSignIn(readConfig().homeDir);
    });
  program
    .command('whoami')
    .description('which farm you are signed in to, as whom, with which roles')
    .option('--json', 'as one JSON object')
    .action(whoami);
}

/** Opens a session like a browser's, trades it for an API token and closes it. */
async function login({ server, email, days }: LoginOptions): Promise<void> {
  const { homeDir } = readConfig();
  const password = await askSecret(`password of ${email}: `);
  if (password === '') throw new UnderstudyError('USAGE', 'no password was given; type it, or pipe it in');
  let cookie = '';
  const opening = createNodeClient({
    baseUrl: server,
    fetch: async (...request) => {
      const answer = await fetch(...request);
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      return answer;
    },
  });
  const { name } = await signIn(opening, { email, password });
  const session = createNodeClient({ baseUrl: server, headers: { cookie, 'x-understudy-request': 'login' } });
  const body = { name: `command line on ${hostname()}`.slice(0, 80), validDays: days };
  const { secret, expiresAt } = await session.call('createToken', { body });
  await session.call('signOut');
  await keepSignIn(homeDir, { server, token: secret });
  console.log(`signed in to ${server} as ${name} until ${expiresAt}`);
}

/** The code is asked for only where the account has a second factor. */
async function signIn(client: NodeClient, body: { email: string; password: string }): Promise<Me> {
  try {
    return await client.call('signIn', { body });
  } catch (thrown) {
    if (!(thrown instanceof UnderstudyError) || thrown.code !== 'CODE_REQUIRED') throw thrown;
    const code = await askSecret('code of your authenticator, or a recovery code: ');
    if (code === '') throw thrown;
    return await client.call('signIn', { body: { ...body, code } });
  }
}

async function whoami(options: { json?: boolean }): Promise<void> {
  const config = readConfig();
  const client = await connect({}, config);
  const me = await client.call('me');
  const server = config.server ?? (await readSignIn(config.homeDir))?.server;
  if (options.json === true) {
    console.log(JSON.stringify({ server, ...me }));
    return;
  }
  console.log(`${me.name} <${me.email}> at ${server}`);
  if (me.farmRoles.length > 0) console.log(`  farm: ${me.farmRoles.join(', ')}`);
  for (const { project, role } of me.memberships) console.log(`  ${project}: ${role}`);
}

function serverAddress(value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new InvalidArgumentError('an address like https://farm.example is needed');
  }
  return value.replace(/\/$/, '');
}
