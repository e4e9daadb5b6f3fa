import { Badge, Button, Group, MultiSelect, Paper, Stack, Text, Title } from '@mantine/core';
import type { Worker } from '@understudy/contracts';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { useSession } from '../session/session.js';
import { ReasonButton } from '../shell/reason-button.js';

/** Which workers are let in, and whose work each may be handed. */
export function WorkerAdmission({ workers }: { workers: readonly Worker[] }) {
  return (
    <Stack gap="xs">
      {workers
        .filter(({ disabledAt }) => disabledAt === null)
        .map((worker) => (
          <WorkerCard key={worker.id} worker={worker} />
        ))}
    </Stack>
  );
}

function WorkerCard({ worker }: { worker: Worker }) {
  const { me, ability } = useSession();
  const queries = useQueryClient();
  const after = (): Promise<void> => queries.invalidateQueries({ queryKey: ['workers'] });
  const params = { workerId: worker.id };
  const approve = useMutation({
    mutationFn: () => client.call('approveWorker', { params }),
    onSuccess: after,
    onError: showError,
  });
  const { awaitsApprovalOf } = worker;
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between">
        <Group>
          <Title order={5}>{worker.name}</Title>
          {awaitsApprovalOf !== null && <Badge color="yellow">waits for approval</Badge>}
          {awaitsApprovalOf !== null &&
            (awaitsApprovalOf === me.userId ? (
              <Text size="sm" c="dimmed">
                asked for by you
              </Text>
            ) : (
              ability.can('activate', 'Worker') && (
                <Button size="xs" onClick={() => approve.mutate()} loading={approve.isPending}>
                  Approve
                </Button>
              )
            ))}
        </Group>
        {ability.can('revoke', 'Worker') && (
          <ReasonButton
            label="Shut out"
            color="red"
            consequence="Its token opens nothing any more; its leases end with their time."
            onConfirm={(reason) => client.call('disableWorker', { params, body: { reason } }).then(after)}
          />
        )}
      </Group>
      {ability.can('share', 'Worker') && <ProjectTie key={worker.projectIds?.join()} worker={worker} />}
    </Paper>
  );
}

/** Names where one may see them, ids else. */
function ProjectTie({ worker }: { worker: Worker }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const [chosen, setChosen] = useState<string[]>(worker.projectIds ?? []);
  const projects = useQuery({
    queryKey: ['projects'],
    queryFn: ({ signal }) => client.call('listProjects', { query: { limit: 500 } }, { signal }),
    enabled: ability.can('read', 'Project'),
  });
  const save = useMutation({
    mutationFn: () =>
      client.call('tieWorker', {
        params: { workerId: worker.id },
        body: { projectIds: chosen.length === 0 ? null : chosen },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['workers'] }),
    onError: showError,
  });
  const known = (projects.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }));
  const rest = chosen.filter((id) => !known.some(({ value }) => value === id)).map((id) => ({ value: id, label: id }));
  return (
    <Group align="end" mt="xs">
      <MultiSelect
        label="Is handed the work of"
        placeholder={chosen.length === 0 ? 'any project' : ''}
        data={[...known, ...rest]}
        value={chosen}
        onChange={setChosen}
        miw={280}
        clearable
      />
      <Button size="xs" variant="light" onClick={() => save.mutate()} loading={save.isPending}>
        Save
      </Button>
    </Group>
  );
}
