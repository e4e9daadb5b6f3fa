import { Button, Code, Group, MultiSelect, Paper, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { FARM_ROLES, FarmRole, PROJECT_ROLES, ProjectRole } from '@understudy/contracts';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { choicesOf, useProjects } from '../projects/use-projects.js';
import { JOIN_PATH } from '../session/join-page.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';

const KEY = ['invitations'] as const;

/** Links with which people make their own accounts, once each. */
export function InvitationsPanel() {
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => client.call('listInvitations', { query: { limit: 200 } }, { signal }),
  });
  const revoke = useMutation({
    mutationFn: (invitationId: string) => client.call('revokeInvitation', { params: { invitationId } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: KEY }),
    onError: showError,
  });
  return (
    <Paper withBorder p="md">
      <Stack>
        <Title order={4}>Invitations</Title>
        <InviteForm />
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing="xs">
            <Table.Tbody>
              {data?.items.map((invitation) => (
                <Table.Tr key={invitation.id}>
                  <Table.Td>{invitation.name}</Table.Td>
                  <Table.Td>{invitation.email}</Table.Td>
                  <Table.Td>
                    {[
                      ...invitation.farmRoles,
                      ...invitation.memberships.map(({ role }) => role),
                      ...(invitation.performerId === null ? [] : ['performer']),
                    ].join(', ')}
                  </Table.Td>
                  <Table.Td>
                    <When at={invitation.expiresAt} />
                  </Table.Td>
                  <Table.Td>
                    <Button size="xs" variant="light" color="red" onClick={() => revoke.mutate(invitation.id)}>
                      Revoke
                    </Button>
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

function InviteForm() {
  const queries = useQueryClient();
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [farmRoles, setFarmRoles] = useState<string[]>([]);
  const [projectId, setProjectId] = useState<string | null>(null);
  const [role, setRole] = useState<string | null>(null);
  const [performer, setPerformer] = useState('');
  const projects = useProjects();
  const invite = useMutation({
    mutationFn: () => {
      const memberships = projectId === null || role === null ? [] : [{ projectId, role: ProjectRole.parse(role) }];
      const performerId = performer.trim() === '' ? null : performer.trim();
      const body = { email, name, farmRoles: farmRoles.map((one) => FarmRole.parse(one)), memberships, performerId };
      return client.call('createInvitation', { body });
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        invite.mutate();
      }}
    >
      <Stack gap="xs">
        <Group align="end">
          <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} required />
          <TextInput
            label="Email"
            type="email"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            required
          />
          <MultiSelect label="On the whole farm" data={FARM_ROLES} value={farmRoles} onChange={setFarmRoles} w={200} />
          <Select
            label="In project"
            data={choicesOf(projects.data)}
            value={projectId}
            onChange={setProjectId}
            clearable
          />
          <TextInput
            label="Or to the portal of performer"
            placeholder="the performer's id"
            value={performer}
            onChange={(event) => setPerformer(event.currentTarget.value)}
          />
          <Select label="as" data={PROJECT_ROLES} value={role} onChange={setRole} clearable />
          <Button type="submit" loading={invite.isPending} disabled={(projectId === null) !== (role === null)}>
            Invite
          </Button>
        </Group>
        {invite.error !== null && <ProblemAlert error={invite.error} />}
        {invite.data !== undefined && (
          <>
            <Text size="sm">Hand this link on. It works once, and is shown only now:</Text>
            <Code block>{`${window.location.origin}${JOIN_PATH}#${invite.data.secret}`}</Code>
          </>
        )}
      </Stack>
    </form>
  );
}
