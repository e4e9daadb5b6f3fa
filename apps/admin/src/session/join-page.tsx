import { Alert, Anchor, Button, Center, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ProviderButton } from './provider-button.js';

export const JOIN_PATH = '/join';

/** Where the link of an invitation leads: the account gets a password that only its owner knows. */
export function JoinPage() {
  // Behind `#`: it reaches no server's log.
  const secret = window.location.hash.slice(1);
  const [password, setPassword] = useState('');
  const accept = useMutation({ mutationFn: () => client.call('acceptInvitation', { body: { secret, password } }) });
  return (
    <Center h="100vh" p="md">
      <Paper withBorder p="xl" w={380}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            accept.mutate();
          }}
        >
          <Stack>
            <Title order={2}>Understudy</Title>
            {secret === '' && <Alert color="red">This link is not whole. Ask for it again.</Alert>}
            {accept.data === undefined ? (
              <>
                <Text size="sm">Choose the password of your account.</Text>
                <PasswordInput
                  label="Password"
                  description="12 letters or more"
                  autoComplete="new-password"
                  value={password}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                />
                {accept.error !== null && <ProblemAlert error={accept.error} />}
                <Button type="submit" disabled={secret === '' || password.length < 12} loading={accept.isPending}>
                  Make my account
                </Button>
                {secret !== '' && <ProviderButton invitation={secret} />}
              </>
            ) : (
              <Text>
                Your account {accept.data.email} is there. <Anchor href="/">Sign in</Anchor>
              </Text>
            )}
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
