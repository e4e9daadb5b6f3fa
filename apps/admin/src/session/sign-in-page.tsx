import { Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { UnderstudyError } from '@understudy/contracts';
import { type FormEvent, useState } from 'react';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ProviderButton } from './provider-button.js';
import { ME_KEY } from './session.js';

function fieldOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

export function SignInPage() {
  const queries = useQueryClient();
  const signIn = useMutation({
    mutationFn: (body: { email: string; password: string; code?: string }) => client.call('signIn', { body }),
    onSuccess: (me) => queries.setQueryData(ME_KEY, me),
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const code = fieldOf(form, 'code').trim();
    signIn.mutate({
      email: fieldOf(form, 'email'),
      password: fieldOf(form, 'password'),
      ...(code === '' ? {} : { code }),
    });
  };
  const { error } = signIn;
  const isCodeWanted = error instanceof UnderstudyError && error.code === 'CODE_REQUIRED';
  const [hasFactor, setHasFactor] = useState(false);
  if (isCodeWanted && !hasFactor) setHasFactor(true);
  return (
    <Center h="100vh" p="md">
      <Paper withBorder p="xl" w={380}>
        <form onSubmit={submit}>
          <Stack>
            <Title order={2}>Understudy</Title>
            <TextInput name="email" type="email" label="Email" autoComplete="username" required />
            <PasswordInput name="password" label="Password" autoComplete="current-password" required />
            {hasFactor && (
              <TextInput
                name="code"
                label="Code"
                description="Six digits of your authenticator, or a recovery code"
                autoComplete="one-time-code"
                autoFocus
                required
              />
            )}
            {error !== null && !isCodeWanted && <ProblemAlert error={error} />}
            <Button type="submit" loading={signIn.isPending}>
              Sign in
            </Button>
            <ProviderButton />
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
