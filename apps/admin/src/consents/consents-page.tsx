import { Alert, Badge, Group, Loader, Stack, Table, Text, Title } from '@mantine/core';
import type { Consent, ConsentState } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { RoleRequestsPanel } from '../people/role-requests-panel.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ReasonButton } from '../shell/reason-button.js';
import { When } from '../shell/when.js';

const REFRESH_MS = 5000;
const KEY = ['consents'] as const;
const COLOURS: Partial<Record<ConsentState, string>> = {
  active: 'teal',
  suspended: 'yellow',
  pending_review: 'blue',
  pending_signature: 'blue',
  revoked: 'red',
  expired: 'red',
};

export function ConsentsPage() {
  const { ability } = useSession();
  const { data, error } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => client.call('listConsents', { query: {} }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Stack>
      <Title order={2}>Consents</Title>
      {ability.can('grant', 'RoleRequest') && <RoleRequestsPanel />}
      {error !== null && <ProblemAlert error={error} />}
      {data === undefined && error === null && <Loader />}
      {data?.items.length === 0 && <Alert title="No consents yet">They are made with: understudy consent new</Alert>}
      {data !== undefined && data.items.length > 0 && (
        <Table.ScrollContainer minWidth={820}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                {['Performer', 'Side', 'State', 'Level', 'May be used for', 'Until', ''].map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.items.map((consent) => (
                <ConsentRow key={consent.id} consent={consent} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}

function ConsentRow({ consent }: { consent: Consent }) {
  const { scope } = consent;
  return (
    <Table.Tr>
      <Table.Td>
        {consent.performer}{' '}
        <Text span size="xs" c="dimmed">
          v{consent.version}
        </Text>
      </Table.Td>
      <Table.Td>{consent.role}</Table.Td>
      <Table.Td>
        <Badge color={COLOURS[consent.state] ?? 'gray'} variant="light" title={consent.stateReason ?? undefined}>
          {consent.state.replaceAll('_', ' ')}
        </Badge>
        {consent.holds.map((kind) => (
          <Badge key={kind} color="red" variant="outline" ml={4}>
            on hold: {kind}
          </Badge>
        ))}
        {consent.protection !== null && (
          <Badge color="grape" variant="outline" ml={4}>
            {consent.protection}
          </Badge>
        )}
      </Table.Td>
      <Table.Td>
        {consent.level}
        {consent.signedBy !== null && (
          <Text size="xs" c="dimmed" title={consent.signedBy}>
            signed by key {consent.signedBy.slice(0, 16).replaceAll(/(.{4})/g, '$1 ')}…
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Text size="sm">
          {scope.operations.join(', ')} in {scope.project}
          {scope.shots !== undefined && `: ${scope.shots.join(', ')}`}
        </Text>
      </Table.Td>
      <Table.Td>
        <When at={scope.validUntil} />
      </Table.Td>
      <Table.Td>
        <ConsentActs consent={consent} />
      </Table.Td>
    </Table.Tr>
  );
}

function ConsentActs({ consent }: { consent: Consent }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const subject = asSubject('Consent', { ...consent });
  const params = { consentId: consent.id };
  const after = (): Promise<void> => queries.invalidateQueries({ queryKey: KEY });
  const waits = consent.state === 'pending_review';
  const untold = waits && consent.noticeElapsesAt === null;
  const isLive = consent.state === 'active' || consent.state === 'suspended';
  // What was made under it can still be taken back.
  const isOver = consent.state === 'superseded' || consent.state === 'expired';
  return (
    <Group gap="xs" wrap="nowrap" justify="flex-end">
      {(waits || consent.state === 'suspended') && !untold && ability.can('activate', subject) && (
        <ReasonButton
          label="Activate"
          color="teal"
          consequence="You have seen the signed document and a proof of who signed it. Somebody else must have brought it in."
          onConfirm={(reason) => client.call('activateConsent', { params, body: { reason } }).then(after)}
        />
      )}
      {waits && consent.protection !== 'minor' && ability.can('activate', subject) && (
        <ReasonButton
          label="Activate without notice"
          color="orange"
          consequence="Work begins before the performer's notice of 48 hours has run, or without one. Say why; it is kept with the consent."
          onConfirm={(waiveNotice) =>
            client.call('activateConsent', { params, body: { reason: waiveNotice, waiveNotice } }).then(after)
          }
        />
      )}
      {waits && ability.can('decline', subject) && (
        <ReasonButton
          label="Decline"
          color="gray"
          consequence="For good: the document is turned down and a new one is needed."
          onConfirm={(reason) => client.call('declineConsent', { params, body: { reason } }).then(after)}
        />
      )}
      {consent.state === 'active' && ability.can('suspend', subject) && (
        <ReasonButton
          label="Suspend"
          color="yellow"
          consequence="Nothing of this performer is rendered until the consent is active again."
          onConfirm={(reason) => client.call('suspendConsent', { params, body: { reason } }).then(after)}
        />
      )}
      {(isLive || isOver) && ability.can('revoke', subject) && (
        <ReasonButton
          label="Revoke"
          color="red"
          consequence="For good: running work stops at once, segments are set aside, deliveries are locked."
          wordToType="revoke"
          confirmLabel="Revoke for good"
          onConfirm={(reason) => client.call('revokeConsent', { params, body: { reason } }).then(after)}
        />
      )}
    </Group>
  );
}
