import { Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ME_KEY } from './session.js';

function fieldOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

export function SignInPage() {
  const queries = useQueryClient();
  const signIn = useMutation({
    mutationFn: (body: { email: string; password: string }) => client.call('signIn', { body }),
    onSuccess: (me) => queries.setQueryData(ME_KEY, me),
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({ email: fieldOf(form, 'email'), password: fieldOf(form, 'password') });
  };
  return (
    <Center h="100vh" p="md">
      <Paper withBorder p="xl" w={380}>
        <form onSubmit={submit}>
          <Stack>
            <Title order={2}>Understudy</Title>
            <TextInput name="email" type="email" label="Email" autoComplete="username" required />
            <PasswordInput name="password" label="Password" autoComplete="current-password" required />
            {signIn.error !== null && <ProblemAlert error={signIn.error} />}
            <Button type="submit" loading={signIn.isPending}>
              Sign in
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
