import { UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';
import { forgetSignIn } from '../../remote/kept-sign-in.js';
import { askSecret } from '../../terminal/ask-secret.js';

export function addAccountCommands(program: Command): void {
  const account = program.command('account').description('your own account: second factor, password, open sessions');
  withConnection(account.command('enrol').description("add an authenticator's codes as a second factor")).action(enrol);
  withConnection(account.command('remove-factor').description('take the second factor off')).action(removeFactor);
  withConnection(
    account.command('password').description('change your password; ends all of your sessions and tokens'),
  ).action(changePassword);
  withConnection(account.command('sessions').description('your sessions and API tokens that hold'))
    .option('--json', 'as one JSON array')
    .action(listSessions);
  withConnection(
    account.command('sign-out-everywhere').description('end all of your sessions and API tokens, this one too'),
  ).action(async (options: ConnectionOptions) => {
    const { ended } = await (await connect(options)).call('signOutEverywhere');
    await forgetSignIn(readConfig().homeDir);
    console.log(`ended ${ended} sessions and tokens; sign in again with: understudy login`);
  });
}

async function ask(question: string): Promise<string> {
  const answer = await askSecret(question);
  if (answer === '') throw new UnderstudyError('USAGE', 'nothing was given; type it, or pipe it in as a line');
  return answer;
}

/** Where the account has a second factor already, its code is part of the proof. */
async function proof(client: Awaited<ReturnType<typeof connect>>): Promise<{ password: string; code?: string }> {
  const { secondFactor } = await client.call('me');
  const password = await ask('your password: ');
  return secondFactor.enrolled ? { password, code: await ask('present code, or a recovery code: ') } : { password };
}

async function enrol(options: ConnectionOptions): Promise<void> {
  const client = await connect(options);
  const { secret, otpauthUri } = await client.call('enrolSecondFactor', { body: await proof(client) });
  console.log(`key for your authenticator: ${secret}\n${otpauthUri}`);
  const { recoveryCodes } = await client.call('confirmSecondFactor', {
    body: { code: await ask('the code that it shows: ') },
  });
  console.log(`enrolled. Recovery codes, each works once instead of a code, shown only now:`);
  for (const code of recoveryCodes) console.log(`  ${code}`);
  console.log('sign in again with: understudy login');
}

async function removeFactor(options: ConnectionOptions): Promise<void> {
  const client = await connect(options);
  await client.call('removeSecondFactor', { body: await proof(client) });
  console.log('taken off');
}

async function changePassword(options: ConnectionOptions): Promise<void> {
  const client = await connect(options);
  const proved = await proof(client);
  const newPassword = await ask('new password (12 letters or more): ');
  await client.call('changePassword', { body: { ...proved, newPassword } });
  await forgetSignIn(readConfig().homeDir);
  console.log('changed; all sessions and tokens have ended. Sign in again with: understudy login');
}

async function listSessions(options: ConnectionOptions & { json?: boolean }): Promise<void> {
  const { items } = await (await connect(options)).call('listTokens', { query: { limit: 500 } });
  if (options.json === true) console.log(JSON.stringify(items));
  else {
    for (const { id, kind, name, expiresAt, secondFactor, current } of items) {
      const notes = [...(secondFactor ? ['second factor'] : []), ...(current ? ['this one'] : [])].join(', ');
      console.log(`${id}\t${kind}\t${name}\tuntil ${expiresAt ?? 'revoked'}\t${notes}`);
    }
  }
}
