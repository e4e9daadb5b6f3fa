import { createNodeClient, type NodeClient } from '@understudy/client/node';
import { type Project, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { type Config, readConfig } from '../config.js';
import { readSignIn } from './kept-sign-in.js';

export interface ConnectionOptions {
  server?: string;
  token?: string;
}

/** `--server` and `--token`, for each command that speaks to a farm that is already running. */
export function withConnection(command: Command): Command {
  return command
    .option('--server <url>', "the farm's address; by default UNDERSTUDY_SERVER, then what `login` kept")
    .option('--token <secret>', 'your API token; by default UNDERSTUDY_TOKEN, then what `login` kept');
}

/** @throws UnderstudyError UNAUTHENTICATED when neither options, environment nor an earlier `login` say where and who. */
export async function connect(options: ConnectionOptions, config: Config = readConfig()): Promise<NodeClient> {
  const kept = await readSignIn(config.homeDir);
  const server = options.server ?? config.server ?? kept?.server;
  // A kept token goes to the farm that gave it and to no other.
  const token = options.token ?? config.token ?? (server === kept?.server ? kept?.token : undefined);
  if (server === undefined || token === undefined) {
    throw new UnderstudyError('UNAUTHENTICATED', 'sign in first, with: understudy login --server URL --email YOU');
  }
  return createNodeClient({ baseUrl: server.replace(/\/$/, ''), token });
}

/** @throws UnderstudyError NOT_FOUND with the names there are. */
export async function projectNamed(client: NodeClient, name: string): Promise<Project> {
  const { items } = await client.call('listProjects', { query: { limit: 500 } });
  const project = items.find((one) => one.name === name);
  if (project !== undefined) return project;
  const others = items.map((one) => one.name).join(', ') || 'none';
  throw new UnderstudyError(
    'NOT_FOUND',
    `you see no project ${name} on this farm (you see: ${others}); make it with: understudy project new ${name}`,
  );
}

/** @throws UnderstudyError NOT_FOUND */
export async function userNamed(client: NodeClient, email: string): Promise<RouteOutput<'listUsers'>['items'][number]> {
  const { items } = await client.call('listUsers', { query: { limit: 500 } });
  const user = items.find((one) => one.email === email.toLowerCase());
  if (user !== undefined) return user;
  throw new UnderstudyError('NOT_FOUND', `you see no account ${email}; make it with: understudy user new`);
}
