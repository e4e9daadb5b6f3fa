import { Alert, NumberInput, Stack, Text } from '@mantine/core';
import { SETTLED_SHOT_STATES, type Shot, type ShotOutlook } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ReasonButton } from '../shell/reason-button.js';
import { shotKey } from './use-shot.js';

const REFRESH_MS = 3000;
const HIGHEST = 100;
const outlookKey = (shotId: string) => ['outlook', shotId] as const;

export function useOutlook(shot: Shot): UseQueryResult<ShotOutlook> {
  const isSettled = SETTLED_SHOT_STATES.includes(shot.state);
  return useQuery({
    queryKey: [...outlookKey(shot.id), shot.state],
    queryFn: ({ signal }) => client.call('getShotOutlook', { params: { shotId: shot.id } }, { signal }),
    refetchInterval: isSettled ? false : REFRESH_MS,
    placeholderData: (before) => before,
  });
}

/** Why the shot waits, how long it still takes, what it has cost. */
export function Outlook({ shot }: { shot: Shot }) {
  const { data, error } = useOutlook(shot);
  if (error !== null) return <ProblemAlert error={error} />;
  if (data === undefined) return null;
  const { accepted, lost } = data.laneSeconds;
  return (
    <Stack gap="xs">
      {data.waiting !== null && (
        <Alert color="blue" title={`Why it waits: ${data.waiting.code}`}>
          {data.shards.waiting} shards wait: {data.waiting.text}
        </Alert>
      )}
      <Text size="sm" c="dimmed">
        priority {data.priority}
        {data.etaSeconds !== null && `, about ${Math.ceil(data.etaSeconds)} s more for this stage`}
        {`, ${Math.round(accepted)} lane seconds counted, ${Math.round(lost)} lost`}
      </Text>
    </Stack>
  );
}

/** What this person may do about the shot's place among the others. */
export function SchedulingActs({ shot }: { shot: Shot }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const { data } = useOutlook(shot);
  const subject = asSubject('Shot', { ...shot });
  const isOpen = !SETTLED_SHOT_STATES.includes(shot.state) || shot.state === 'held';
  const params = { shotId: shot.id };
  const after = async (): Promise<void> => {
    await queries.invalidateQueries({ queryKey: outlookKey(shot.id) });
    await queries.invalidateQueries({ queryKey: shotKey(shot.id) });
  };
  const isPaused = data !== undefined && data.pausedAt !== null;
  return (
    <>
      {isOpen && ability.can('pause', subject) && (
        <ReasonButton
          label={isPaused ? 'Unpause' : 'Pause'}
          consequence={
            isPaused ? 'Lanes are given its shards again.' : 'Lanes finish what they have begun and get no more.'
          }
          onConfirm={(reason) =>
            client.call(isPaused ? 'unpauseShot' : 'pauseShot', { params, body: { reason } }).then(after)
          }
        />
      )}
      {isOpen && data !== undefined && ability.can('prioritise', subject) && (
        <PriorityButton key={data.priority} shot={shot} priority={data.priority} after={after} />
      )}
      {shot.state === 'failed' && ability.can('retry', subject) && (
        <ReasonButton
          label="Retry"
          consequence="What was accepted stays; what failed is tried again on any lane."
          onConfirm={(reason) => client.call('retryShot', { params, body: { reason, anyClass: false } }).then(after)}
        />
      )}
      {data?.waiting?.code === 'CLASS_GONE' && ability.can('retry', subject) && (
        <ReasonButton
          label="Render on other lanes"
          consequence="All of its frames are rendered anew, on lanes of another class. What was made so far is not used."
          onConfirm={(reason) => client.call('retryShot', { params, body: { reason, anyClass: true } }).then(after)}
        />
      )}
    </>
  );
}

function PriorityButton({ shot, priority, after }: { shot: Shot; priority: number; after: () => Promise<void> }) {
  const [wanted, setWanted] = useState(priority);
  return (
    <>
      <NumberInput
        aria-label="Priority"
        size="xs"
        w={70}
        min={0}
        max={HIGHEST}
        value={wanted}
        onChange={(value) => setWanted(Number(value))}
      />
      {wanted !== priority && (
        <ReasonButton
          label="Set priority"
          consequence="From 90 on it goes before everybody's share of the lanes."
          onConfirm={(reason) =>
            client
              .call('setShotPriority', {
                params: { shotId: shot.id },
                body: { priority: wanted, yieldNow: false, reason },
              })
              .then(after)
          }
        />
      )}
    </>
  );
}
