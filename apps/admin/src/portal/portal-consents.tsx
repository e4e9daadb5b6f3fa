import { Alert, Badge, Button, Card, Group, List, Loader, Stack, Text, Title } from '@mantine/core';
import type { ConsentState, ConsentToSign, PortalConsent } from '@understudy/contracts';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';
import { useOwnKey } from './keys-panel.js';
import { scopeInWords } from './scope-words.js';
import { signConsent } from './signing-key.js';

const REFRESH_MS = 5000;
export const PORTAL = ['portal', 'of-mine'] as const;

const STATES: Readonly<Record<ConsentState, { words: string; colour: string }>> = {
  draft: { words: 'being prepared', colour: 'gray' },
  pending_signature: { words: 'waits for your signature', colour: 'blue' },
  pending_review: { words: 'waits for a consent officer', colour: 'blue' },
  active: { words: 'in force', colour: 'teal' },
  suspended: { words: 'suspended for now', colour: 'yellow' },
  revoked: { words: 'revoked', colour: 'red' },
  expired: { words: 'over', colour: 'gray' },
  superseded: { words: 'replaced by a newer version', colour: 'gray' },
  declined: { words: 'turned down', colour: 'gray' },
  lapsed: { words: 'ran out before it began', colour: 'gray' },
};
/** Nothing was made under these that is not taken back already. */
const NOTHING_LEFT: readonly ConsentState[] = ['revoked', 'declined', 'lapsed'];

export function PortalConsents() {
  const { data, error } = useQuery({
    queryKey: [...PORTAL, 'consents'],
    queryFn: ({ signal }) => client.call('listPortalConsents', { query: {} }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Stack>
      <Title order={3}>Your consents</Title>
      {error !== null && <ProblemAlert error={error} />}
      {data === undefined && error === null && <Loader />}
      {data?.items.length === 0 && <Text c="dimmed">There is none yet.</Text>}
      {data?.items.map((consent) => (
        <ConsentCard key={consent.id} consent={consent} />
      ))}
    </Stack>
  );
}

function ConsentCard({ consent }: { consent: PortalConsent }) {
  const queries = useQueryClient();
  const { id, state, role, scope, holds, version, level, toSign, uses } = consent;
  const { words, colour } = STATES[state];
  const after = (): Promise<void> => queries.invalidateQueries({ queryKey: PORTAL });
  return (
    <Card withBorder data-testid={`consent-${id}`}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Text fw={600}>
            {scope.project}{' '}
            <Text span size="xs" c="dimmed">
              version {version}, level {level}
            </Text>
          </Text>
          <Group gap={4}>
            <Badge color={colour} variant="light">
              {words}
            </Badge>
            {holds.map((kind) => (
              <Badge key={kind} color="red" variant="outline">
                on hold: {kind}
              </Badge>
            ))}
          </Group>
        </Group>
        <List size="sm" spacing={2}>
          {scopeInWords(role, scope).map((line) => (
            <List.Item key={line}>{line}</List.Item>
          ))}
        </List>
        <Text size="xs" c="dimmed">
          Brought in <When inline at={consent.createdAt} />
          {consent.signedAt !== null && (
            <>
              , signed by you <When inline at={consent.signedAt} />
            </>
          )}
          , used in {uses} {uses === 1 ? 'rendered version' : 'rendered versions'}.
        </Text>
        {toSign !== null && <SignPanel toSign={toSign} onSigned={after} />}
        {!NOTHING_LEFT.includes(state) && (
          <Group>
            <ReasonButton
              label="Revoke"
              color="red"
              size="sm"
              consequence="For good. Work that is going on stops at once; what was made under this consent and older versions of it is locked now and deleted later. Files that were handed out before are out of this farm's reach."
              wordToType="revoke"
              confirmLabel="Revoke for good"
              onConfirm={(reason) =>
                client.call('revokePortalConsent', { params: { consentId: id }, body: { reason } }).then(after)
              }
            />
          </Group>
        )}
      </Stack>
    </Card>
  );
}

function SignPanel({ toSign, onSigned }: { toSign: ConsentToSign; onSigned: () => Promise<void> }) {
  const key = useOwnKey();
  const sign = useMutation({
    mutationFn: async () => {
      if (key === null) return;
      const body = await signConsent(key, toSign);
      await client.call('signPortalConsent', { params: { consentId: toSign.consentId }, body });
    },
    onSuccess: onSigned,
  });
  return (
    <Alert color="blue" title="Read it, then sign it, or leave it">
      <Stack gap="xs">
        <Text size="sm">
          Nothing is done under it before you sign and a consent officer has looked at it. You can revoke it at any
          time.
        </Text>
        {key === null && <Text size="sm">Make your signing key first, below.</Text>}
        {sign.error !== null && <ProblemAlert error={sign.error} />}
        <Group>
          <Button disabled={key === null} loading={sign.isPending} onClick={() => sign.mutate()}>
            Sign with my key
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}
