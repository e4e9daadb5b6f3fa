import { Group, Progress, Stack, Stepper, Text } from '@mantine/core';
import type { Shot, ShotState } from '@understudy/contracts';

const STAGES: readonly { readonly label: string; readonly states: readonly ShotState[] }[] = [
  { label: 'Ingest', states: ['ingesting'] },
  { label: 'Analyse', states: ['analysing'] },
  { label: 'Link', states: ['linking'] },
  { label: 'Plan', states: ['planning'] },
  { label: 'Render', states: ['rendering'] },
  { label: 'Join', states: ['assembling'] },
  { label: 'Verify', states: ['verifying'] },
  { label: 'Ready', states: ['ready', 'released'] },
];

/** Where the shot stands on its way, and how far it is in the present stage. */
export function StageSteps({ shot }: { shot: Shot }) {
  const at = STAGES.findIndex(({ states }) => states.includes(shot.state));
  // A shot that stopped on its way (held, failed, cancelled, revoked) shows no step as the present one.
  if (at < 0) return null;
  const isDone = at === STAGES.length - 1;
  return (
    <Stack gap="xs">
      <Stepper active={isDone ? STAGES.length : at} size="xs" iconSize={24} wrap={false} aria-label="Stages">
        {STAGES.map(({ label }, index) => (
          <Stepper.Step key={label} label={label} loading={index === at && !isDone} />
        ))}
      </Stepper>
      {!isDone && (
        <Group gap="xs" wrap="nowrap">
          <Progress value={shot.progress * 100} flex={1} animated aria-label="Progress of the stage" />
          <Text size="xs" c="dimmed" w={40} ta="right">
            {Math.round(shot.progress * 100)} %
          </Text>
        </Group>
      )}
    </Stack>
  );
}
