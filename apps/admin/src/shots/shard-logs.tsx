import { Code, Loader, Modal, Stack, Text, TextInput } from '@mantine/core';
import type { AttemptLog, Shot, ShotTask } from '@understudy/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';

const REFRESH_MS = 2000;

/** What lanes wrote down about the attempts at one shard, and a search in it. */
export function ShardLogs({ shot, task, onClose }: { shot: Shot; task: ShotTask | null; onClose: () => void }) {
  return (
    <Modal
      opened={task !== null}
      onClose={onClose}
      size="80rem"
      title={task === null ? '' : `Frames ${task.startFrame}–${task.endFrame - 1}`}
    >
      {task !== null && <Logs shotId={shot.id} taskId={task.id} />}
    </Modal>
  );
}

function Logs({ shotId, taskId }: { shotId: string; taskId: string }) {
  const [text, setText] = useState('');
  const { data, error } = useQuery({
    queryKey: ['logs', shotId, taskId, text],
    queryFn: ({ signal }) =>
      client.call(
        'listShotLogs',
        { params: { shotId }, query: { taskId, limit: 50, ...(text === '' ? {} : { grep: text }) } },
        { signal },
      ),
    refetchInterval: REFRESH_MS,
    placeholderData: (before) => before,
  });
  if (error !== null) return <ProblemAlert error={error} />;
  if (data === undefined) return <Loader />;
  return (
    <Stack gap="sm">
      <TextInput
        label="Lines with"
        value={text}
        maxLength={200}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {data.items.length === 0 && <Text c="dimmed">nothing is kept</Text>}
      {data.items.map((log) => (
        <AttemptLines key={log.attemptId} log={log} />
      ))}
    </Stack>
  );
}

function AttemptLines({ log }: { log: AttemptLog }) {
  const lines = log.lines.map(({ at, level, message, fields }) => {
    const figures = Object.entries(fields).map(([name, value]) => `${name}=${String(shown(value))}`);
    return [at, level, message, ...figures].join(' ');
  });
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>
        Attempt {log.epoch} on {log.lane}, {log.state}
        {log.error !== null && `: ${log.error}`}
        {log.cutLines > 0 && `, ${log.cutLines} lines cut`}
      </Text>
      <Code block>{lines.join('\n')}</Code>
    </Stack>
  );
}

function shown(value: unknown): unknown {
  return typeof value === 'object' ? JSON.stringify(value) : value;
}
