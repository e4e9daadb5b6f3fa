import { Alert, Box, Group, Slider, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { CONTENT_ROUTES, type Shot, type ShotTask } from '@understudy/contracts';
import { useState } from 'react';

const SETTLE_MS = 200;
const LONGER_SIDE_PX = 960;

interface BeforeAfterProps {
  readonly shot: Shot;
  /** The render tasks; those accepted have frames to look at. */
  readonly shards: readonly ShotTask[];
}

/** The plate and the result of one frame, side by side; any frame whose shard is accepted can be looked at. */
export function BeforeAfter({ shot, shards }: BeforeAfterProps) {
  const frames = shot.frames ?? 1;
  const [frame, setFrame] = useState(Math.floor(frames / 2));
  const [settled] = useDebouncedValue(frame, SETTLE_MS);
  const shard = shards.find(({ startFrame, endFrame }) => startFrame <= settled && settled < endFrame);
  return (
    <Stack gap="xs">
      <Group grow align="flex-start" wrap="nowrap">
        <Still shot={shot} side="before" frame={settled} label="Plate" />
        {shard?.state === 'accepted' ? (
          <Still shot={shot} side="after" frame={settled} label="Result" />
        ) : (
          <Alert color="gray">This frame is not rendered yet.</Alert>
        )}
      </Group>
      {frames > 1 && (
        <Group gap="md" wrap="nowrap">
          <Text size="xs" c="dimmed" w={90}>
            Frame {frame}
          </Text>
          <Slider flex={1} min={0} max={frames - 1} value={frame} onChange={setFrame} label={null} thumbLabel="Frame" />
        </Group>
      )}
    </Stack>
  );
}

interface StillProps {
  readonly shot: Shot;
  readonly side: 'before' | 'after';
  readonly frame: number;
  readonly label: string;
}

function Still({ shot, side, frame, label }: StillProps) {
  const path = CONTENT_ROUTES.shotStill.replace(':shotId', shot.id).replace(':side', side);
  return (
    <Box>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <img
        src={`${path}?frame=${frame}&size=${LONGER_SIDE_PX}`}
        alt={`${label}, frame ${frame}`}
        style={{ width: '100%', borderRadius: 4 }}
      />
    </Box>
  );
}
