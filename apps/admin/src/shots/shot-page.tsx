import { Alert, Anchor, Badge, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { CONTENT_ROUTES, SETTLED_SHOT_STATES, type Shot } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { ReasonButton } from '../shell/reason-button.js';
import { BeforeAfter } from './before-after.js';
import { ShardGrid } from './shard-grid.js';
import { Outlook, SchedulingActs } from './shot-outlook.js';
import { ShotEvents } from './shot-events.js';
import { StageSteps } from './stage-steps.js';
import { StateBadge } from './state-badge.js';
import { shotKey, useShot, useShotTasks } from './use-shot.js';

export function ShotPage() {
  const { shotId } = useParams({ from: '/shots/$shotId' });
  const { data: shot, error } = useShot(shotId);
  if (error !== null && shot === undefined) return <ProblemAlert error={error} />;
  if (shot === undefined) return <Loader />;
  return <ShotView shot={shot} />;
}

function ShotView({ shot }: { shot: Shot }) {
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Group gap="sm">
          <Title order={2}>{shot.name}</Title>
          <StateBadge state={shot.state} />
          {shot.selfAttested && (
            <Badge color="yellow" variant="outline">
              self-attested
            </Badge>
          )}
        </Group>
        <ShotActs shot={shot} />
      </Group>
      <Text size="sm" c="dimmed">
        {shot.project}, version {shot.version}
        {shot.frames !== null && `, ${shot.frames} frames`}
        {shot.fps !== null && ` at ${Math.round(shot.fps * 1000) / 1000}/s`}
        {`, ${shot.recipe.processors.map(({ type }) => type).join(' + ')}`}
        {shot.matteAssetId !== null && ', under a matte'}
        {shot.attempts > 0 && `, ${shot.attempts} attempts`}
        {shot.waivers.length > 0 && `, waived: ${shot.waivers.join(', ')}`}
      </Text>
      {shot.error !== null && (
        <Alert color={shot.state === 'held' ? 'yellow' : 'red'} title={shot.error.code}>
          {shot.error.message}
        </Alert>
      )}
      <StageSteps shot={shot} />
      <Outlook shot={shot} />
      <Work shot={shot} />
      <Title order={4}>Events</Title>
      <ShotEvents shot={shot} />
    </Stack>
  );
}

/** What lanes have made of the shot so far: pictures for who may see them, and the shards. */
function Work({ shot }: { shot: Shot }) {
  const { ability } = useSession();
  const { data, error } = useShotTasks(shot);
  if (error !== null) return <ProblemAlert error={error} />;
  const of = (kind: string) => (data?.items ?? []).filter((task) => task.kind === kind);
  const [analyse, render] = [of('analyse'), of('render')];
  const mayView = ability.can('view', asSubject('Shot', { ...shot }));
  return (
    <>
      {mayView && render.length > 0 && <BeforeAfter shot={shot} shards={render} />}
      {render.length > 0 && (
        <Stack gap="xs">
          <Title order={4}>
            Shards, {shot.shards.accepted} of {shot.shards.total} accepted
          </Title>
          <ShardGrid shot={shot} tasks={render} />
        </Stack>
      )}
      {analyse.length > 0 && (
        <Stack gap="xs">
          <Title order={4}>Analysis</Title>
          <ShardGrid shot={shot} tasks={analyse} />
        </Stack>
      )}
    </>
  );
}

/** What this person may do with the shot as it stands now. */
function ShotActs({ shot }: { shot: Shot }) {
  const { ability } = useSession();
  const queries = useQueryClient();
  const subject = asSubject('Shot', { ...shot });
  const isRunning = !SETTLED_SHOT_STATES.includes(shot.state);
  const after = (): Promise<void> => queries.invalidateQueries({ queryKey: shotKey(shot.id) });
  const params = { shotId: shot.id };
  const { deliveryId } = shot;
  return (
    <Group gap="xs">
      <SchedulingActs shot={shot} />
      {(isRunning || shot.state === 'held') && ability.can('cancel', subject) && (
        <ReasonButton
          label="Cancel"
          color="red"
          consequence="Lanes stop at once and what they made is thrown away."
          onConfirm={(reason) => client.call('cancelShot', { params, body: { reason } }).then(after)}
        />
      )}
      {shot.state === 'held' && ability.can('resume', subject) && (
        <ReasonButton
          label="Resume"
          consequence="You have looked at what held the shot, and it goes on."
          onConfirm={(reason) => client.call('resumeShot', { params, body: { reason } }).then(after)}
        />
      )}
      {shot.state === 'ready' && deliveryId !== null && ability.can('release', 'Delivery') && (
        <ReasonButton
          label="Release"
          color="teal"
          consequence="Consents are evaluated once more; then the delivery can be downloaded."
          onConfirm={(reason) =>
            client.call('releaseDelivery', { params: { deliveryId }, body: { reason } }).then(after)
          }
        />
      )}
      {shot.state === 'released' && deliveryId !== null && ability.can('download', 'Delivery') && (
        <Anchor href={CONTENT_ROUTES.deliveryContent.replace(':deliveryId', deliveryId)} download>
          Download
        </Anchor>
      )}
    </Group>
  );
}
