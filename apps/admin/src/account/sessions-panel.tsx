import { Badge, Button, Group, Paper, Stack, Table, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';

const KEY = ['tokens'] as const;

/** Where one is signed in, and the tokens one has made. */
export function SessionsPanel() {
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => client.call('listTokens', { query: { limit: 100 } }, { signal }),
  });
  const end = useMutation({
    mutationFn: (tokenId: string) => client.call('revokeToken', { params: { tokenId } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: KEY }),
    onError: showError,
  });
  const endAll = useMutation({
    mutationFn: () => client.call('signOutEverywhere', {}),
    onSuccess: () => {
      queries.clear();
      window.location.assign('/');
    },
    onError: showError,
  });
  return (
    <Paper withBorder p="md">
      <Stack>
        <Group justify="space-between">
          <Title order={4}>Sessions and API tokens</Title>
          <Button size="xs" color="red" variant="light" loading={endAll.isPending} onClick={() => endAll.mutate()}>
            Sign out everywhere
          </Button>
        </Group>
        {error !== null && <ProblemAlert error={error} />}
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                {['', 'Since', 'Last used', 'Ends', ''].map((name, column) => (
                  <Table.Th key={column}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data?.items.map((token) => (
                <Table.Tr key={token.id}>
                  <Table.Td miw={190}>
                    {token.kind === 'session' ? 'session' : `token ${token.name}`}{' '}
                    {token.current && <Badge variant="light">this one</Badge>}
                    {token.secondFactor && (
                      <Badge variant="light" color="teal">
                        second factor
                      </Badge>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <When at={token.createdAt} />
                  </Table.Td>
                  <Table.Td>{token.lastUsedAt !== null && <When at={token.lastUsedAt} />}</Table.Td>
                  <Table.Td>{token.expiresAt !== null && <When at={token.expiresAt} />}</Table.Td>
                  <Table.Td>
                    {!token.current && (
                      <Button size="xs" variant="light" onClick={() => end.mutate(token.id)}>
                        End
                      </Button>
                    )}
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
