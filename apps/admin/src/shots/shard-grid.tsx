import { Anchor, Box, Group, Paper, Progress, Stack, Text, Tooltip } from '@mantine/core';
import type { Shot, ShotTask, TaskState } from '@understudy/contracts';
import { asSubject } from '@understudy/policy';
import { useState } from 'react';
import { useSession } from '../session/session.js';
import { ShardLogs } from './shard-logs.js';

const COLOURS: Readonly<Record<TaskState, string>> = {
  pending: 'gray',
  leased: 'blue',
  reported: 'violet',
  accepted: 'teal',
  failed: 'red',
  cancelled: 'dark',
};

/** The shards of a shot as a grid: frames, state, progress, and who has had it. */
export function ShardGrid({ shot, tasks }: { shot: Shot; tasks: readonly ShotTask[] }) {
  const { ability } = useSession();
  const [read, setRead] = useState<ShotTask | null>(null);
  const mayRead = ability.can('inspect', asSubject('Shot', { ...shot }));
  return (
    <>
      <ShardLogs shot={shot} task={read} onClose={() => setRead(null)} />
      <Box
        style={{ display: 'grid', gap: 8, gridTemplateColumns: 'repeat(auto-fill, minmax(150px, 1fr))' }}
        role="list"
        aria-label="Shards"
      >
        {tasks.map((task) => (
          <ShardCell key={task.id} task={task} onRead={mayRead ? () => setRead(task) : undefined} />
        ))}
      </Box>
    </>
  );
}

function ShardCell({ task, onRead }: { task: ShotTask; onRead: (() => void) | undefined }) {
  const frames = task.endFrame - task.startFrame;
  const latest = task.attempts.at(-1);
  const colour = COLOURS[task.state];
  const share = task.state === 'accepted' ? 1 : task.framesDone / Math.max(1, frames);
  return (
    <Tooltip label={<AttemptLines task={task} />} multiline withArrow>
      <Paper
        withBorder
        p="xs"
        role="listitem"
        data-state={task.state}
        style={{ borderLeft: `4px solid var(--mantine-color-${colour}-6)` }}
      >
        <Stack gap={4}>
          <Group justify="space-between" gap={4} wrap="nowrap">
            <Text size="sm" fw={600}>
              {task.startFrame}–{task.endFrame - 1}
            </Text>
            <Text size="xs" c={colour}>
              {task.state}
            </Text>
          </Group>
          <Progress value={share * 100} color={colour} size="xs" />
          {onRead !== undefined && latest !== undefined && (
            <Anchor
              component="button"
              size="xs"
              onClick={onRead}
              aria-label={`Logs of frames ${task.startFrame} to ${task.endFrame - 1}`}
            >
              logs
            </Anchor>
          )}
          <Text size="xs" c="dimmed" truncate>
            {latest === undefined ? 'waiting for a lane' : `${latest.lane}, attempt ${latest.epoch}`}
          </Text>
        </Stack>
      </Paper>
    </Tooltip>
  );
}

function AttemptLines({ task }: { task: ShotTask }) {
  if (task.attempts.length === 0) return 'no attempt yet';
  return (
    <>
      {task.attempts.map((attempt) => (
        <Text key={attempt.id} size="xs">
          {attempt.epoch}: {attempt.lane}, {attempt.state}, {attempt.framesDone} frames
          {attempt.error === null ? '' : `, ${attempt.error}`}
        </Text>
      ))}
    </>
  );
}
