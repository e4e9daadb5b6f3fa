import { Button, Code, Group, MultiSelect, Paper, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { type Project, WEBHOOK_EVENTS, WebhookEvent } from '@understudy/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { asSubject } from '@understudy/policy';
import { choicesOf } from '../projects/use-projects.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { WEBHOOKS_KEY } from './webhook-panel.js';

/** Names a new receiver; the secret that signs is shown once. */
export function NewWebhook({ projects }: { projects: readonly Project[] }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const [projectId, setProjectId] = useState<string | null>(null);
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState<string[]>([...WEBHOOK_EVENTS]);
  const add = useMutation({
    mutationFn: (to: string) =>
      client.call('createWebhook', {
        params: { projectId: to },
        body: { url: url.trim(), events: events.map((event) => WebhookEvent.parse(event)) },
      }),
    onSuccess: async () => {
      setUrl('');
      await queries.invalidateQueries({ queryKey: WEBHOOKS_KEY });
    },
  });
  const own = projects.filter(({ id }) => ability.can('create', asSubject('Webhook', { projectId: id })));
  return (
    <Paper withBorder p="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (projectId !== null) add.mutate(projectId);
        }}
      >
        <Stack gap="xs">
          <Title order={4}>New webhook</Title>
          <Group align="end">
            <Select label="Project" data={choicesOf(own)} value={projectId} onChange={setProjectId} required />
            <TextInput
              label="Address"
              type="url"
              placeholder="https://"
              value={url}
              onChange={(event) => setUrl(event.currentTarget.value)}
              w={320}
              maw="100%"
              required
            />
            <Button type="submit" loading={add.isPending} disabled={projectId === null || events.length === 0}>
              Add
            </Button>
          </Group>
          <MultiSelect label="Events" data={WEBHOOK_EVENTS} value={events} onChange={setEvents} />
          {add.error !== null && <ProblemAlert error={add.error} />}
          {add.data !== undefined && (
            <>
              <Text size="sm">
                Give the receiver this secret, by which it knows our signature. It is shown only now:
              </Text>
              <Code block data-testid="webhook-secret" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
                {add.data.secret}
              </Code>
            </>
          )}
        </Stack>
      </form>
    </Paper>
  );
}
