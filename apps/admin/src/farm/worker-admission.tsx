import { Badge, Button, Code, Group, MultiSelect, Paper, Stack, Text, Title } from '@mantine/core';
import type { Worker } from '@understudy/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { choicesOf, labelOf, useProjects } from '../projects/use-projects.js';
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
  const waiting = worker.keys.filter(({ approvedAt }) => approvedAt === null).map(({ fingerprint }) => fingerprint);
  const approve = useMutation({
    // What is on the screen, and nothing that was shown a moment later.
    mutationFn: () => client.call('approveWorker', { params, body: { fingerprints: waiting } }),
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
      <WorkerKeys worker={worker} onChange={after} />
      {awaitsApprovalOf === null && waiting.length > 0 && ability.can('activate', 'Worker') && (
        <Button size="xs" mt="xs" onClick={() => approve.mutate()} loading={approve.isPending}>
          Approve {waiting.length === 1 ? 'this key' : `these ${waiting.length} keys`}
        </Button>
      )}
      {ability.can('share', 'Worker') && <ProjectTie key={worker.projectIds?.join()} worker={worker} />}
    </Paper>
  );
}

/** Whoever approves one compares it with what the worker wrote into its log. */
function WorkerKeys({ worker, onChange }: { worker: Worker; onChange: () => Promise<void> }) {
  const { ability } = useSession();
  return worker.keys.map(({ id, fingerprint, approvedAt }) => (
    <Group key={id} mt="xs" gap="xs">
      <Text size="xs">key</Text>
      <Code>{fingerprint.match(/.{8}/g)?.join(' ')}</Code>
      <Badge size="sm" variant="light" color={approvedAt === null ? 'yellow' : 'teal'}>
        {approvedAt === null ? 'waits for approval' : 'approved'}
      </Badge>
      {ability.can('revoke', 'Worker') && (
        <ReasonButton
          label="End"
          color="red"
          consequence="What this key opened ends, and it opens nothing any more."
          onConfirm={(reason) =>
            client
              .call('endWorkerKey', { params: { workerId: worker.id, workerKeyId: id }, body: { reason } })
              .then(onChange)
          }
        />
      )}
    </Group>
  ));
}

/** Names where one may see them, ids else. */
function ProjectTie({ worker }: { worker: Worker }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const [chosen, setChosen] = useState<string[]>(worker.projectIds ?? []);
  const projects = useProjects({ enabled: ability.can('read', 'Project') });
  const save = useMutation({
    mutationFn: () =>
      client.call('tieWorker', {
        params: { workerId: worker.id },
        body: { projectIds: chosen.length === 0 ? null : chosen },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['workers'] }),
    onError: showError,
  });
  const nameOf = (id: string): string => {
    const project = projects.data?.find((one) => one.id === id);
    return project === undefined ? id : labelOf(project);
  };
  const open = choicesOf(projects.data);
  const rest = chosen
    .filter((id) => !open.some(({ value }) => value === id))
    .map((id) => ({ value: id, label: nameOf(id) }));
  return (
    <Group align="end" mt="xs">
      <MultiSelect
        label="Is handed the work of"
        placeholder={chosen.length === 0 ? 'any project' : ''}
        data={[...open, ...rest]}
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
