import { Badge, Group, Stack, Table, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { WaitingEnds } from '../projects/waiting-ends.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';
import { BreakGlassPanel } from './break-glass-panel.js';
import { InvitationsPanel } from './invitations-panel.js';
import { RoleRequestsPanel } from './role-requests-panel.js';

/** Accounts of the farm, invitations, and what waits for a second person. */
export function PeoplePage() {
  return (
    <Stack>
      <Title order={2}>People</Title>
      <RoleRequestsPanel />
      <WaitingEnds />
      <InvitationsPanel />
      <UsersTable />
      <BreakGlassPanel />
    </Stack>
  );
}

function UsersTable() {
  const { me } = useSession();
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: ['users'],
    queryFn: ({ signal }) => client.call('listUsers', { query: { limit: 500 } }, { signal }),
  });
  if (error !== null) return <ProblemAlert error={error} />;
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {['Name', 'Email', 'Roles on the farm', 'Since', ''].map((name, column) => (
              <Table.Th key={column}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data?.items.map((user) => (
            <Table.Tr key={user.id}>
              <Table.Td>{user.name}</Table.Td>
              <Table.Td>{user.email}</Table.Td>
              <Table.Td>
                <Group gap={4}>
                  {user.farmRoles.map((role) => (
                    <Badge key={role} variant="light">
                      {role}
                    </Badge>
                  ))}
                </Group>
              </Table.Td>
              <Table.Td>
                <When at={user.createdAt} />
              </Table.Td>
              <Table.Td>
                {user.disabledAt !== null ? (
                  <Badge color="gray">shut out</Badge>
                ) : (
                  user.id !== me.userId && (
                    <ReasonButton
                      label="Shut out"
                      color="red"
                      consequence="All of their sessions and tokens end, and they are let in no more."
                      onConfirm={(reason) =>
                        client
                          .call('disableUser', { params: { userId: user.id }, body: { reason } })
                          .then(() => queries.invalidateQueries({ queryKey: ['users'] }))
                      }
                    />
                  )
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
