import { Alert, Badge, Loader, Stack, Table, Title } from '@mantine/core';
import type { Worker } from '@understudy/contracts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { WorkerAdmission } from './worker-admission.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';

const REFRESH_MS = 3000;
const COLOURS = { idle: 'gray', busy: 'teal', draining: 'yellow', lost: 'red' } as const;

/** The lanes of all workers, and when each was last heard of. */
export function WorkersPage() {
  const { data, error } = useQuery({
    queryKey: ['workers'],
    queryFn: ({ signal }) => client.call('listWorkers', { query: {} }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Stack>
      <Title order={2}>Workers</Title>
      {error !== null && <ProblemAlert error={error} />}
      {data === undefined && error === null && <Loader />}
      {data?.items.length === 0 && (
        <Alert title="No workers yet">A host joins with: understudy worker --server … --token …</Alert>
      )}
      {data !== undefined && data.items.length > 0 && <WorkerAdmission workers={data.items} />}
      {data !== undefined && data.items.length > 0 && <LanesTable workers={data.items} />}
    </Stack>
  );
}

function LanesTable({ workers }: { workers: readonly Worker[] }) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {['Worker', 'Lane', 'State', 'Parity class', 'Pools', 'Last seen', ''].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {workers.map(
            ({ id, name, preparing }) =>
              preparing !== null && (
                <Table.Tr key={id}>
                  <Table.Td>{name}</Table.Td>
                  <Table.Td />
                  <Table.Td colSpan={3}>
                    <Badge color="blue" variant="light">
                      {preparing.step}
                    </Badge>
                  </Table.Td>
                  <Table.Td>
                    <When at={preparing.at} />
                  </Table.Td>
                  <Table.Td />
                </Table.Tr>
              ),
          )}
          {workers.flatMap((worker) =>
            worker.lanes.map((lane) => (
              <Table.Tr key={lane.id}>
                <Table.Td>{worker.name}</Table.Td>
                <Table.Td>{lane.name}</Table.Td>
                <Table.Td>
                  <Badge color={COLOURS[lane.state]} variant="light">
                    {lane.state}
                  </Badge>
                  {lane.drainedAt !== null && <Badge color="yellow">drained</Badge>}
                  {lane.setAsideUntil !== null && (
                    <Badge color="red">set aside: {lane.setAsideReason ?? 'FAILURES'}</Badge>
                  )}
                </Table.Td>
                <Table.Td>{lane.parity}</Table.Td>
                <Table.Td>{lane.pools.join(', ')}</Table.Td>
                <Table.Td>{lane.lastSeenAt !== null && <When at={lane.lastSeenAt} />}</Table.Td>
                <Table.Td>
                  <LaneActs lane={lane} />
                </Table.Td>
              </Table.Tr>
            )),
          )}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Takes a lane out of the line, and puts it back. */
function LaneActs({ lane }: { lane: Worker['lanes'][number] }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  if (!ability.can('operate', 'Lane')) return null;
  const isOff = lane.drainedAt !== null || lane.setAsideUntil !== null;
  const params = { laneId: lane.id };
  const after = (): Promise<void> => queries.invalidateQueries({ queryKey: ['workers'] });
  return isOff ? (
    <ReasonButton
      label="Undrain"
      consequence="It gets work again, and what it failed is forgotten."
      onConfirm={(reason) => client.call('undrainLane', { params, body: { reason } }).then(after)}
    />
  ) : (
    <ReasonButton
      label="Drain"
      consequence="It finishes what it has begun and gets no more work."
      onConfirm={(reason) => client.call('drainLane', { params, body: { now: false, reason } }).then(after)}
    />
  );
}
