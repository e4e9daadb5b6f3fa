import { Alert, Badge, Group, Loader, Stack, Table, Text, Title } from '@mantine/core';
import type { KeyDestruction, Project } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';
import { EndDialog } from './end-dialog.js';
import { KEY_DESTRUCTIONS_KEY, useKeyDestructions } from './use-key-destructions.js';
import { useProjects } from './use-projects.js';
import { WaitingEnds } from './waiting-ends.js';

const REFRESH_MS = 5000;

/** The projects that one sees: those that go on, those that somebody wants to end, and those that were ended. */
export function ProjectsPage() {
  const { data, error } = useProjects({ refetchInterval: REFRESH_MS });
  const ends = useKeyDestructions().data ?? [];
  return (
    <Stack>
      <Title order={2}>Projects</Title>
      <WaitingEnds />
      {error !== null && <ProblemAlert error={error} />}
      {data === undefined && error === null && <Loader />}
      {data?.length === 0 && <Alert title="No projects yet">They are made with: understudy project new NAME</Alert>}
      {data !== undefined && data.length > 0 && (
        <Table.ScrollContainer minWidth={640}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                {['Project', 'Consents from', 'Since', 'State', ''].map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.map((project) => (
                <ProjectRow
                  key={project.id}
                  project={project}
                  // One at most: what ran out or was declined is not among them.
                  end={ends.find(({ projectId }) => projectId === project.id)}
                />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}

function ProjectRow({ project, end }: { project: Project; end: KeyDestruction | undefined }) {
  const { id: projectId, name, profile, leastLevel, createdAt, keyDestroyedAt } = project;
  const { ability } = useSession();
  const queries = useQueryClient();
  const mayAsk = ability.can('create', asSubject('KeyDestruction', { projectId }));
  return (
    <Table.Tr data-testid={`project-${projectId}`} {...(keyDestroyedAt === null ? {} : { c: 'dimmed' })}>
      <Table.Td>
        <Group gap="xs">
          {name}
          {profile === 'local' && (
            <Badge size="xs" color="yellow" variant="outline">
              local
            </Badge>
          )}
        </Group>
      </Table.Td>
      <Table.Td>{leastLevel}</Table.Td>
      <Table.Td>
        <When at={createdAt} />
      </Table.Td>
      <Table.Td>
        <ProjectState project={project} end={end} />
      </Table.Td>
      <Table.Td>
        <Group justify="flex-end">
          {mayAsk && keyDestroyedAt === null && end === undefined && (
            <EndDialog
              label="End"
              confirmLabel="Ask for the end"
              project={name}
              asksReason
              consequence="It happens once somebody else approves it, within a week."
              onConfirm={(body) =>
                client
                  .call('askKeyDestruction', { params: { projectId }, body })
                  .finally(() => queries.invalidateQueries({ queryKey: KEY_DESTRUCTIONS_KEY }))
              }
            />
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

function ProjectState({ project, end }: { project: Project; end: KeyDestruction | undefined }) {
  const { keyDestroyedAt } = project;
  if (keyDestroyedAt === null) {
    const isAsked = end !== undefined && end.approvedAt === null;
    return (
      <Badge color={isAsked ? 'red' : 'teal'} variant="light">
        {isAsked ? 'end asked for' : 'going on'}
      </Badge>
    );
  }
  return (
    <Stack gap={2}>
      <Group gap="xs">
        <Badge color="gray">ended</Badge>
        <When at={keyDestroyedAt} />
      </Group>
      {end !== undefined && <Certificate {...end} />}
    </Stack>
  );
}

function Certificate({ certifiedAt, reason }: KeyDestruction) {
  return (
    <>
      <Text size="xs">
        {certifiedAt === null ? (
          'Key destroyed; its files are being taken away.'
        ) : (
          <>
            Deletion certified <When at={certifiedAt} inline />
          </>
        )}
      </Text>
      <Text size="xs" style={{ overflowWrap: 'anywhere' }}>
        “{reason}”
      </Text>
    </>
  );
}
