import {
  Alert,
  Anchor,
  Badge,
  Button,
  Code,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { ME_KEY, useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';

/** An authenticator's codes besides the password: enrol them, or take them off. */
export function SecondFactorPanel() {
  const { enrolled, used, required } = useSession().me.secondFactor;
  return (
    <Paper withBorder p="md">
      <Stack>
        <Group>
          <Title order={4}>Second factor</Title>
          <Badge color={enrolled ? 'teal' : 'gray'} variant="light">
            {enrolled ? 'enrolled' : 'none'}
          </Badge>
        </Group>
        {required && !used && (
          <Alert color="yellow">
            {enrolled
              ? 'This session was opened without it: sign in again to release or to grant.'
              : 'This farm asks for one before you release, activate or grant anything.'}
          </Alert>
        )}
        {enrolled ? <Removal /> : <Enrolment />}
      </Stack>
    </Paper>
  );
}

function Enrolment() {
  const queries = useQueryClient();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const { hasPassword } = useSession().me;
  const begin = useMutation({
    mutationFn: () => client.call('enrolSecondFactor', { body: hasPassword ? { password } : {} }),
  });
  const confirm = useMutation({
    mutationFn: () => client.call('confirmSecondFactor', { body: { code: code.trim() } }),
  });
  if (confirm.data !== undefined) {
    return (
      <Stack>
        <Text size="sm">
          Enrolled. Each of these recovery codes works once instead of a code. They are shown only now: keep them apart
          from your password.
        </Text>
        <Code block data-testid="recovery-codes">
          {confirm.data.recoveryCodes.join('\n')}
        </Code>
        <Button w="fit-content" onClick={() => queries.invalidateQueries({ queryKey: ME_KEY })}>
          I have kept them
        </Button>
      </Stack>
    );
  }
  if (begin.data === undefined) {
    return (
      <>
        <Text size="sm">Six digits of an authenticator app, besides the password, at each sign-in.</Text>
        {hasPassword && (
          <PasswordInput
            label="Your password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
        )}
        {begin.error !== null && <ProblemAlert error={begin.error} />}
        <Button
          w="fit-content"
          disabled={hasPassword && password === ''}
          loading={begin.isPending}
          onClick={() => begin.mutate()}
        >
          Enrol
        </Button>
      </>
    );
  }
  const { secret, otpauthUri } = begin.data;
  return (
    <>
      <Text size="sm">
        Enter this key into your authenticator, or <Anchor href={otpauthUri}>open it there</Anchor>:
      </Text>
      <Code block data-testid="second-factor-secret">
        {secret.match(/.{1,4}/g)?.join(' ')}
      </Code>
      <TextInput
        label="The code it shows"
        autoComplete="one-time-code"
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      {confirm.error !== null && <ProblemAlert error={confirm.error} />}
      <Button
        w="fit-content"
        disabled={code.trim().length < 6}
        loading={confirm.isPending}
        onClick={() => confirm.mutate()}
      >
        Confirm
      </Button>
    </>
  );
}

function Removal() {
  const queries = useQueryClient();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const { hasPassword } = useSession().me;
  const remove = useMutation({
    mutationFn: () =>
      client.call('removeSecondFactor', { body: { ...(hasPassword ? { password } : {}), code: code.trim() } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ME_KEY }),
  });
  return (
    <>
      <Group align="end">
        {hasPassword && (
          <PasswordInput
            label="Your password"
            w={220}
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
        )}
        <TextInput
          label="Code"
          w={160}
          autoComplete="one-time-code"
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <Button
          color="red"
          variant="light"
          disabled={(hasPassword && password === '') || code.trim().length < 6}
          loading={remove.isPending}
          onClick={() => remove.mutate()}
        >
          Take it off
        </Button>
      </Group>
      {remove.error !== null && <ProblemAlert error={remove.error} />}
    </>
  );
}
