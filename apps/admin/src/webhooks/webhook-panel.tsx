import { Badge, Button, Group, Paper, Stack, Text } from '@mantine/core';
import type { Webhook } from '@understudy/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { useSession } from '../session/session.js';
import { asSubject } from '@understudy/policy';
import { When } from '../shell/when.js';
import { deliveriesKey, WebhookDeliveries } from './webhook-deliveries.js';

export const WEBHOOKS_KEY = ['webhooks'] as const;

type Act = 'pingWebhook' | 'enableWebhook' | 'disableWebhook';

/** One receiver: what it is told, whether it is on, and how its deliveries went. */
export function WebhookPanel({ webhook, project }: { webhook: Webhook; project: string }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const params = { webhookId: webhook.id };
  const again = async (): Promise<void> => {
    await queries.invalidateQueries({ queryKey: WEBHOOKS_KEY });
    await queries.invalidateQueries({ queryKey: deliveriesKey(webhook.id) });
  };
  const act = useMutation({
    mutationFn: async (name: Act): Promise<void> => {
      await client.call(name, { params, body: {} });
      if (name === 'pingWebhook') setOpen(true);
    },
    onSuccess: again,
    onError: showError,
  });
  const remove = useMutation({
    mutationFn: () => client.call('deleteWebhook', { params }),
    onSuccess: again,
    onError: showError,
  });
  const subject = asSubject('Webhook', { ...webhook });
  const isOff = webhook.disabledAt !== null;
  return (
    <Paper withBorder p="md" data-testid="webhook">
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
            {webhook.url}
          </Text>
          <Badge color={isOff ? 'red' : 'teal'} variant="light">
            {isOff ? 'off' : 'on'}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed">
          {project} · {webhook.events.join(', ')}
        </Text>
        {webhook.disabledAt !== null && (
          <Group gap="xs">
            <Text size="sm">Off since</Text>
            <When at={webhook.disabledAt} />
          </Group>
        )}
        <Group gap="xs">
          <Button size="xs" variant="light" onClick={() => setOpen(!isOpen)}>
            {isOpen ? 'Hide deliveries' : 'Deliveries'}
          </Button>
          {ability.can('resume', subject) && (
            <>
              <Button size="xs" variant="light" disabled={isOff} onClick={() => act.mutate('pingWebhook')}>
                Ping
              </Button>
              <Button
                size="xs"
                variant="light"
                color={isOff ? 'teal' : 'orange'}
                onClick={() => act.mutate(isOff ? 'enableWebhook' : 'disableWebhook')}
              >
                {isOff ? 'Enable' : 'Disable'}
              </Button>
            </>
          )}
          {ability.can('revoke', subject) && <DeleteButton onConfirm={() => remove.mutate()} />}
        </Group>
        {isOpen && <WebhookDeliveries webhookId={webhook.id} />}
      </Stack>
    </Paper>
  );
}

/** What was on its way is given up with it: asks once more. */
function DeleteButton({ onConfirm }: { onConfirm: () => void }) {
  const [isAsked, setAsked] = useState(false);
  return isAsked ? (
    <Button size="xs" color="red" onClick={onConfirm} onBlur={() => setAsked(false)}>
      Delete for good
    </Button>
  ) : (
    <Button size="xs" variant="light" color="red" onClick={() => setAsked(true)}>
      Delete
    </Button>
  );
}
