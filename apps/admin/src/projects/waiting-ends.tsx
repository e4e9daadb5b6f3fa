import { Group, Paper, Stack, Table, Text, Title } from '@mantine/core';
import type { KeyDestruction } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';
import { EndDialog } from './end-dialog.js';
import { useKeyDestructions } from './use-key-destructions.js';

/** Projects whose end one person asked for; another destroys the key, anybody who might turns it down. */
export function WaitingEnds() {
  const { data, error } = useKeyDestructions();
  const waiting = data?.filter(({ approvedAt }) => approvedAt === null) ?? [];
  if (error !== null) return <ProblemAlert error={error} />;
  if (waiting.length === 0) return null;
  return (
    <Paper withBorder p="md" data-testid="waiting-ends">
      <Stack>
        <Title order={4}>Ends of projects that wait for a second person</Title>
        <Table.ScrollContainer minWidth={640}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                {['Project', 'Reason', 'Asked for', 'Runs out', ''].map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {waiting.map((one) => (
                <WaitingRow key={one.id} destruction={one} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Stack>
    </Paper>
  );
}

function WaitingRow({ destruction }: { destruction: KeyDestruction }) {
  const { project, reason, createdAt, expiresAt } = destruction;
  const asker = useAsker(destruction);
  return (
    <Table.Tr>
      <Table.Td fw={600}>{project}</Table.Td>
      <Table.Td maw={280} style={{ overflowWrap: 'anywhere' }}>
        {reason}
      </Table.Td>
      <Table.Td>
        <When at={createdAt} />
        <Text size="xs" c="dimmed">
          by {asker}
        </Text>
      </Table.Td>
      <Table.Td>
        <When at={expiresAt} />
      </Table.Td>
      <Table.Td>
        <Decision destruction={destruction} asker={asker} />
      </Table.Td>
    </Table.Tr>
  );
}

function Decision({ destruction, asker }: { destruction: KeyDestruction; asker: string }) {
  const { me, ability } = useSession();
  const queries = useQueryClient();
  const { id: keyDestructionId, projectId, project, reason, askedBy } = destruction;
  const params = { keyDestructionId };
  const subject = asSubject('KeyDestruction', { projectId });
  // Shots, deliveries and webhooks of the project are others afterwards too.
  const after = (): Promise<void> => queries.invalidateQueries();
  return (
    <Group gap="xs" wrap="nowrap" justify="flex-end">
      {ability.can('activate', subject) && askedBy !== me.userId && (
        <EndDialog
          label="Approve"
          confirmLabel="Destroy the key"
          variant="filled"
          project={project}
          asksReason={false}
          consequence="It happens at once."
          onConfirm={() => client.call('approveKeyDestruction', { params }).finally(after)}
        >
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            Asked for by {asker}: “{reason}”
          </Text>
        </EndDialog>
      )}
      {ability.can('decline', subject) && (
        <ReasonButton
          label={askedBy === me.userId ? 'Withdraw' : 'Decline'}
          color="gray"
          consequence="The project goes on; its end may be asked for anew."
          onConfirm={(why) => client.call('declineKeyDestruction', { params, body: { reason: why } }).finally(after)}
        />
      )}
    </Group>
  );
}

/** By name where one may see the accounts. */
function useAsker({ askedBy }: KeyDestruction): string {
  const { me, ability } = useSession();
  const { data } = useQuery({
    queryKey: ['users'],
    queryFn: ({ signal }) => client.call('listUsers', { query: { limit: 500 } }, { signal }),
    enabled: ability.can('read', 'User') && askedBy !== me.userId,
  });
  if (askedBy === me.userId) return 'you';
  return data?.items.find(({ id }) => id === askedBy)?.name ?? `account ${askedBy.slice(0, 8)}`;
}
