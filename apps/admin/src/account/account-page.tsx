import { Button, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { SecondFactorPanel } from './second-factor-panel.js';
import { SessionsPanel } from './sessions-panel.js';

/** How one proves who one is, and where one is signed in. */
export function AccountPage() {
  const { me } = useSession();
  return (
    <Stack maw={720}>
      <Title order={2}>Account</Title>
      <Text c="dimmed">
        {me.name}, {me.email}
        {me.farmRoles.length > 0 && ` (${me.farmRoles.join(', ')})`}
      </Text>
      <SecondFactorPanel />
      <SessionsPanel />
      {me.hasPassword && <PasswordPanel />}
    </Stack>
  );
}

function PasswordPanel() {
  const { me } = useSession();
  const queries = useQueryClient();
  const [password, setPassword] = useState('');
  const [newPassword, setNewPassword] = useState('');
  const [code, setCode] = useState('');
  const change = useMutation({
    mutationFn: () =>
      client.call('changePassword', {
        body: { password, newPassword, ...(me.secondFactor.enrolled ? { code: code.trim() } : {}) },
      }),
    onSuccess: () => {
      queries.clear();
      window.location.assign('/');
    },
  });
  return (
    <Paper withBorder p="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <Stack>
          <Title order={4}>Password</Title>
          <Text size="sm">A new one ends all of your sessions and API tokens, this one too.</Text>
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            description="12 letters or more"
            autoComplete="new-password"
            value={newPassword}
            onChange={(event) => setNewPassword(event.currentTarget.value)}
          />
          {me.secondFactor.enrolled && (
            <TextInput
              label="Code"
              autoComplete="one-time-code"
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
          )}
          {change.error !== null && <ProblemAlert error={change.error} />}
          <Button
            type="submit"
            w="fit-content"
            disabled={password === '' || newPassword.length < 12}
            loading={change.isPending}
          >
            Change password
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}
