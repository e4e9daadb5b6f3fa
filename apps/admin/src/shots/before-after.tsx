import { Alert, Box, Group, Slider, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { CONTENT_ROUTES, type Shot } from '@understudy/contracts';
import { useState } from 'react';

const SETTLE_MS = 200;
const LONGER_SIDE_PX = 960;

/** The plate and the result of one frame, side by side; any frame whose shard is accepted can be looked at. */
export function BeforeAfter({ shot }: { shot: Shot }) {
  const frames = shot.frames ?? 1;
  const [frame, setFrame] = useState(Math.floor(frames / 2));
  const [settled] = useDebouncedValue(frame, SETTLE_MS);
  return (
    <Stack gap="xs">
      <Group grow align="flex-start" wrap="nowrap">
        <Still shot={shot} side="before" frame={settled} label="Plate" />
        <Still shot={shot} side="after" frame={settled} label="Result" />
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
  const [failedSrc, setFailedSrc] = useState<string | null>(null);
  const path = CONTENT_ROUTES.shotStill.replace(':shotId', shot.id).replace(':side', side);
  // Shards that are accepted later change what there is to see.
  const src = `${path}?frame=${frame}&size=${LONGER_SIDE_PX}${side === 'after' ? `&at=${shot.shards.accepted}` : ''}`;
  return (
    <Box>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      {failedSrc === src ? (
        <Alert color="gray">This frame is not there yet.</Alert>
      ) : (
        <img
          src={src}
          alt={`${label}, frame ${frame}`}
          style={{ width: '100%', borderRadius: 4 }}
          onError={() => setFailedSrc(src)}
        />
      )}
    </Box>
  );
}
