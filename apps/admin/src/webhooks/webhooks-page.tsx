import { Alert, Loader, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { labelOf, useProjects } from '../projects/use-projects.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { NewWebhook } from './new-webhook.js';
import { WEBHOOKS_KEY, WebhookPanel } from './webhook-panel.js';

/** Who outside is told of what becomes of a project's shots. */
export function WebhooksPage() {
  const { ability } = useSession();
  const { data, error } = useQuery({
    queryKey: WEBHOOKS_KEY,
    queryFn: ({ signal }) => client.call('listWebhooks', { query: { limit: 200 } }, { signal }),
  });
  const projects = useProjects();
  const known = projects.data ?? [];
  const nameOf = (id: string): string => {
    const project = known.find((one) => one.id === id);
    return project === undefined ? id : labelOf(project);
  };
  return (
    <Stack>
      <Title order={2}>Webhooks</Title>
      <Text size="sm" c="dimmed">
        Addresses that are told, by ids alone, when a shot of the project is ready, released, held, failed, cancelled or
        revoked.
      </Text>
      {ability.can('create', 'Webhook') && <NewWebhook projects={known} />}
      {error !== null && <ProblemAlert error={error} />}
      {data === undefined && error === null && <Loader />}
      {data?.items.length === 0 && <Alert title="No webhooks yet">Nobody outside is told anything.</Alert>}
      {data?.items.map((webhook) => (
        <WebhookPanel key={webhook.id} webhook={webhook} project={nameOf(webhook.projectId)} />
      ))}
    </Stack>
  );
}
