import { Anchor, Button, Center, Loader, Paper, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { UnderstudyError } from '@understudy/contracts';
import { useEffect, useRef, useState } from 'react';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';

export const PROVIDER_PATH = '/sign-in/provider';

function toFarm(): void {
  window.location.replace('/');
}

/** Where the provider sends the browser back to. */
export function ProviderPage() {
  const answer = useRef(new URLSearchParams(window.location.search));
  const [state, code, iss] = ['state', 'code', 'iss'].map((name) => answer.current.get(name));
  const finish = useMutation({
    mutationFn: (body: { state: string; code: string; iss?: string }) => client.call('finishSingleSignOn', { body }),
    onSuccess: toFarm,
  });
  const { mutate } = finish;
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || state == null || code == null) return;
    begun.current = true;
    // It counts once; neither history nor a page that this one leads to needs it.
    window.history.replaceState(null, '', PROVIDER_PATH);
    mutate({ state, code, ...(iss == null ? {} : { iss }) });
  }, [state, code, iss, mutate]);
  const { error } = finish;
  const isCodeWanted = error instanceof UnderstudyError && error.code === 'CODE_REQUIRED';
  return (
    <Center h="100vh" p="md">
      <Paper withBorder p="xl" w={380}>
        <Stack>
          <Title order={2}>Understudy</Title>
          {(state == null || code == null) && <Text>The provider did not let you in.</Text>}
          {finish.isPending && <Loader />}
          {isCodeWanted && <CodeForm />}
          {error !== null && !isCodeWanted && <ProblemAlert error={error} />}
          {!finish.isPending && !isCodeWanted && <Anchor href="/">Back to the sign-in</Anchor>}
        </Stack>
      </Paper>
    </Center>
  );
}

/** The provider vouches for no second factor, and the account has one. */
function CodeForm() {
  const [code, setCode] = useState('');
  const prove = useMutation({
    mutationFn: () => client.call('proveSingleSignOn', { body: { code: code.trim() } }),
    onSuccess: toFarm,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        prove.mutate();
      }}
    >
      <Stack>
        <TextInput
          label="Code"
          description="Six digits of your authenticator, or a recovery code"
          autoComplete="one-time-code"
          autoFocus
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {prove.error !== null && <ProblemAlert error={prove.error} />}
        <Button type="submit" disabled={code.trim().length < 6} loading={prove.isPending}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}
