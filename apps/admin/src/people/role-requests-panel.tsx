import { Button, Group, Paper, Stack, Table, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { useSession } from '../session/session.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';

const REFRESH_MS = 10_000;

/** Roles that release or grant: one org admin asks for them, another gives them. */
export function RoleRequestsPanel() {
  const { me } = useSession();
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
        <Title order={4}>Roles that wait for a second org admin</Title>
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing="xs">
            <Table.Tbody>
              {data.items.map((request) => (
                <Table.Tr key={request.id}>
                  <Table.Td>{request.user}</Table.Td>
                  <Table.Td>
                    {request.role} {request.project === null ? 'on the whole farm' : `in ${request.project}`}
                  </Table.Td>
                  <Table.Td>
                    <When at={request.createdAt} />
                  </Table.Td>
                  <Table.Td>
                    <Group gap="xs">
                      {request.requestedBy === me.userId ? (
                        <Text size="sm" c="dimmed">
                          asked for by you
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
