import { Button, Group, Paper, Stack, Table, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { RoleRequest } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { useSession } from '../session/session.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';

const REFRESH_MS = 10_000;

/** Roles that release or grant: one org admin asks for them, another gives them; who is a performer, a consent officer. */
export function RoleRequestsPanel() {
  const { me, ability } = useSession();
  const mayGive = ({ projectId, role }: RoleRequest): boolean =>
    ability.can('grant', asSubject('RoleRequest', { projectId, role }));
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: ['role-requests'],
    queryFn: ({ signal }) => client.call('listRoleRequests', { query: { limit: 200 } }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  const after = (): Promise<void> => queries.invalidateQueries();
  const approve = useMutation({
    mutationFn: (roleRequestId: string) => client.call('approveRoleRequest', { params: { roleRequestId } }),
    onSuccess: after,
    onError: showError,
  });
  if (data === undefined || data.items.length === 0) return null;
  return (
    <Paper withBorder p="md">
      <Stack>
        <Title order={4}>Roles that wait for a second person</Title>
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing="xs">
            <Table.Tbody>
              {data.items.map((request) => (
                <Table.Tr key={request.id}>
                  <Table.Td>
                    {request.user}
                    <Text size="xs" c="dimmed">
                      {request.email}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    {request.role} {request.project === null ? 'on the whole farm' : `in ${request.project}`}
                    {request.performerId !== null && (
                      <Text size="xs" c="dimmed">
                        {request.performerId}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <When at={request.createdAt} />
                  </Table.Td>
                  <Table.Td>
                    <Group gap="xs">
                      {request.requestedBy === me.userId || !mayGive(request) ? (
                        <Text size="sm" c="dimmed">
                          {request.requestedBy === me.userId ? 'asked for by you' : 'waits for a consent officer'}
                        </Text>
                      ) : (
                        <Button size="xs" onClick={() => approve.mutate(request.id)} loading={approve.isPending}>
                          Approve
                        </Button>
                      )}
                      <ReasonButton
                        label="Decline"
                        color="red"
                        consequence="The role is not given; it may be asked for anew."
                        onConfirm={(reason) =>
                          client
                            .call('declineRoleRequest', { params: { roleRequestId: request.id }, body: { reason } })
                            .then(after)
                        }
                      />
                    </Group>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Stack>
    </Paper>
  );
}
