import { Badge } from '@mantine/core';
import type { ShotState } from '@understudy/contracts';

const COLOURS: Readonly<Record<ShotState, string>> = {
  ingesting: 'blue',
  analysing: 'blue',
  linking: 'blue',
  planning: 'blue',
  rendering: 'indigo',
  assembling: 'violet',
  verifying: 'violet',
  ready: 'teal',
  released: 'green',
  held: 'yellow',
  failed: 'red',
  cancelled: 'gray',
  revoked: 'red',
};

export function StateBadge({ state }: { state: ShotState }) {
  return (
    <Badge color={COLOURS[state]} variant="light" data-state={state}>
      {state}
    </Badge>
  );
}
