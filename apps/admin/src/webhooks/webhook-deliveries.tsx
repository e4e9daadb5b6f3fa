import { Badge, Loader, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';

const REFRESH_MS = 3000;
const COLOURS = { pending: 'gray', delivered: 'teal', failed: 'red' } as const;

export const deliveriesKey = (webhookId: string) => ['webhook-deliveries', webhookId] as const;

/** What a receiver was told, newest first, and what came of it. */
export function WebhookDeliveries({ webhookId }: { webhookId: string }) {
  const { data, error } = useQuery({
    queryKey: deliveriesKey(webhookId),
    queryFn: ({ signal }) =>
      client.call('listWebhookDeliveries', { params: { webhookId }, query: { limit: 50 } }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  if (error !== null) return <ProblemAlert error={error} />;
  if (data === undefined) return <Loader size="sm" />;
  if (data.items.length === 0) return <Text size="sm">It was told nothing yet.</Text>;
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {['When', 'Event', 'Outcome', 'Tries', 'Answer'].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.items.map((delivery) => (
            <Table.Tr key={delivery.id}>
              <Table.Td>
                <When at={delivery.createdAt} />
              </Table.Td>
              <Table.Td>{delivery.event}</Table.Td>
              <Table.Td>
                <Badge color={COLOURS[delivery.state]} variant="light">
                  {delivery.state}
                </Badge>
              </Table.Td>
              <Table.Td>{delivery.tries}</Table.Td>
              <Table.Td>{[delivery.status, delivery.error].filter((part) => part !== null).join(' · ')}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
