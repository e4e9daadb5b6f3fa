import { Alert, Badge, Button, Code, Group, Paper, Stack, Text, Title } from '@mantine/core';
import type { PerformerKey } from '@understudy/contracts';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { makeKey, ownKey, type SigningKey } from './signing-key.js';

const KEYS = ['portal', 'keys'] as const;

/** The key that this browser can sign with now; null without one that is registered and not retired. */
export function useOwnKey(): SigningKey | null {
  const { me } = useSession();
  const registered = useKeys().data?.items;
  const { data: kept = null } = useQuery({
    queryKey: [...KEYS, 'own', me.userId, registered?.length],
    queryFn: () => ownKey(me.userId),
  });
  const known = registered?.some(({ publicKey, retiredAt }) => publicKey === kept?.publicKey && retiredAt === null);
  return known === true ? kept : null;
}

function useKeys() {
  return useQuery({
    queryKey: KEYS,
    queryFn: ({ signal }) => client.call('listPerformerKeys', { query: {} }, { signal }),
  });
}

/** Keys that the performer made in their own browsers. */
export function KeysPanel() {
  const { me } = useSession();
  const queries = useQueryClient();
  const { data } = useKeys();
  const own = useOwnKey();
  const make = useMutation({
    mutationFn: async () => client.call('addPerformerKey', { body: await makeKey(me.userId) }),
    onSuccess: () => queries.invalidateQueries({ queryKey: KEYS }),
  });
  const retire = useMutation({
    mutationFn: (performerKeyId: string) => client.call('retirePerformerKey', { params: { performerKeyId } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: KEYS }),
    onError: showError,
  });
  const inUse = data?.items.filter(({ retiredAt }) => retiredAt === null) ?? [];
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Title order={4}>Your signing key</Title>
        <Text size="sm">
          You sign consents with a key that lives in this browser alone. Nobody else has it, not even this farm.
        </Text>
        {inUse.map((key) => (
          <KeyRow
            key={key.id}
            of={key}
            isHere={own?.publicKey === key.publicKey}
            onRetire={() => retire.mutate(key.id)}
          />
        ))}
        {own === null && data !== undefined && (
          <Alert color="blue" title="No key in this browser yet">
            <Button onClick={() => make.mutate()} loading={make.isPending}>
              Make my key
            </Button>
          </Alert>
        )}
        {make.error !== null && <ProblemAlert error={make.error} />}
      </Stack>
    </Paper>
  );
}

function KeyRow({ of, isHere, onRetire }: { of: PerformerKey; isHere: boolean; onRetire: () => void }) {
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Badge variant="light" color={isHere ? 'teal' : 'gray'}>
          {isHere ? 'in this browser' : 'of another browser'}
        </Badge>
        <Button size="xs" variant="subtle" color="red" onClick={onRetire}>
          Retire
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        Fingerprint, which a consent officer may ask you to read out:
      </Text>
      <Code block data-testid="fingerprint" style={{ whiteSpace: 'pre-wrap', wordBreak: 'break-all' }}>
        {of.fingerprint.replaceAll(/(.{4})/g, '$1 ').trim()}
      </Code>
    </Stack>
  );
}
