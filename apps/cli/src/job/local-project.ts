import type { NodeClient } from '@understudy/client/node';
import type { Project } from '@understudy/contracts';

/** The project of that name on a farm of one command, made where there is none yet; self-attested consents will do there. */
export async function localProject(client: NodeClient, name: string): Promise<Project> {
  const { items } = await client.call('listProjects', { query: { limit: 500 } });
  return (
    items.find((project) => project.name === name) ??
    (await client.call('createProject', { body: { name, profile: 'local' } }))
  );
}
