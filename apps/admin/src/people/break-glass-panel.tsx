import { Alert, Badge, Button, Code, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { BreakGlass } from '@understudy/contracts';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';

const KEY = ['break-glass'] as const;

const SAYS: Record<BreakGlass['state'], { text: string; color: string }> = {
  none: { text: 'not there', color: 'gray' },
  sealed: { text: 'sealed', color: 'teal' },
  open: { text: 'open', color: 'red' },
  over: { text: 'used: seal it anew', color: 'yellow' },
};

/** The account for the day when nobody else can get in; two org admins seal it, each with a half of its password. */
export function BreakGlassPanel() {
  const queries = useQueryClient();
  const { me } = useSession();
  const { data, error } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => client.call('getBreakGlass', {}, { signal }),
    refetchInterval: 5000,
  });
  const onSuccess = () => queries.invalidateQueries({ queryKey: KEY });
  const ask = useMutation({ mutationFn: () => client.call('askBreakGlass'), onSuccess });
  const seal = useMutation({ mutationFn: () => client.call('sealBreakGlass'), onSuccess });
  if (error !== null) return <ProblemAlert error={error} />;
  if (data === undefined) return null;
  const { text, color } = SAYS[data.state];
  const isOthers = data.askedBy !== null && data.askedBy !== me.userId;
  const given = seal.data ?? ask.data;
  const problem = seal.error ?? ask.error;
  return (
    <Paper withBorder p="md">
      <Stack>
        <Group>
          <Title order={4}>Break-glass account</Title>
          <Badge color={color} variant="light">
            {text}
          </Badge>
          {data.openUntil !== null && <When at={data.openUntil} />}
        </Group>
        <Text size="sm">
          For the day when nobody else can get in. Two org admins seal it, each keeps a half of its password on paper.
          Opening it is told to everybody, and lasts an hour, once.
        </Text>
        {given !== undefined && (
          <Alert color="yellow" title={`The ${given.half} half of the password of ${given.email}, shown only now`}>
            <Code block data-testid="break-glass-half">
              {given.secret}
            </Code>
            {given.half === 'first' ? 'Another org admin seals it, and gets the second half.' : 'Sealed.'} The password
            is both halves with a dash between them.
          </Alert>
        )}
        {problem !== null && <ProblemAlert error={problem} />}
        <Group>
          <Button size="xs" variant="light" loading={ask.isPending} onClick={() => ask.mutate()}>
            {data.askedBy === me.userId ? 'Ask again' : 'Ask for a new seal'}
          </Button>
          {isOthers && (
            <Button size="xs" loading={seal.isPending} onClick={() => seal.mutate()}>
              Seal it
            </Button>
          )}
        </Group>
      </Stack>
    </Paper>
  );
}
