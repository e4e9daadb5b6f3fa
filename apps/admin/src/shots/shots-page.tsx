import { Alert, Anchor, Badge, Group, Loader, Progress, Stack, Table, Text, Title } from '@mantine/core';
import { SETTLED_SHOT_STATES, type Shot } from '@understudy/contracts';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';
import { StateBadge } from './state-badge.js';

const REFRESH_MS = 2000;

export function ShotsPage() {
  const { data, error } = useQuery({
    queryKey: ['shots'],
    queryFn: ({ signal }) => client.call('listShots', { query: {} }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Stack>
      <Title order={2}>Shots</Title>
      {error !== null && <ProblemAlert error={error} />}
      {data === undefined && error === null && <Loader />}
      {data !== undefined && (data.items.length === 0 ? <NoShots /> : <ShotsTable shots={data.items} />)}
    </Stack>
  );
}

function NoShots() {
  return (
    <Alert title="No shots yet">
      Shots of your projects appear here as soon as they are submitted. <code>understudy demo</code> renders one on a
      drawn sample.
    </Alert>
  );
}

function ShotsTable({ shots }: { shots: readonly Shot[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table highlightOnHover verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {['Shot', 'Project', 'State', 'Progress', 'Shards', 'Submitted'].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shots.map((shot) => (
            <ShotRow key={shot.id} shot={shot} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function ShotRow({ shot }: { shot: Shot }) {
  const isSettled = SETTLED_SHOT_STATES.includes(shot.state);
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap="xs">
          <Anchor component={Link} to="/shots/$shotId" params={{ shotId: shot.id } as never}>
            {shot.name}
          </Anchor>
          <Text size="xs" c="dimmed">
            v{shot.version}
          </Text>
          {shot.selfAttested && (
            <Badge size="xs" color="yellow" variant="outline">
              self-attested
            </Badge>
          )}
        </Group>
      </Table.Td>
      <Table.Td>{shot.project}</Table.Td>
      <Table.Td>
        <StateBadge state={shot.state} />
      </Table.Td>
      <Table.Td w={180}>
        {!isSettled && <Progress value={shot.progress * 100} aria-label={`${shot.name} ${shot.state}`} />}
      </Table.Td>
      <Table.Td>{shot.shards.total > 0 && `${shot.shards.accepted} / ${shot.shards.total}`}</Table.Td>
      <Table.Td>
        <When at={shot.createdAt} />
      </Table.Td>
    </Table.Tr>
  );
}
