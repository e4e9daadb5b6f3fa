import { Table, Text } from '@mantine/core';
import type { AuditEvent, Shot } from '@understudy/contracts';
import { ProblemAlert } from '../shell/problem-alert.js';
import { When } from '../shell/when.js';
import { useShotEvents } from './use-shot.js';

/** What the audit log says of this shot, newest first. */
export function ShotEvents({ shot }: { shot: Shot }) {
  const { data, error } = useShotEvents(shot);
  if (error !== null) return <ProblemAlert error={error} />;
  const events = [...(data?.items ?? [])].sort((left, right) => Date.parse(right.at) - Date.parse(left.at));
  return (
    <Table.ScrollContainer minWidth={600} mah={420}>
      <Table verticalSpacing={4} aria-label="Events">
        <Table.Tbody>
          {events.map((event) => (
            <EventRow key={event.id} event={event} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function EventRow({ event }: { event: AuditEvent }) {
  const typed = Object.fromEntries(Object.entries(event.personal).map(([name, value]) => [name, value ?? 'erased']));
  return (
    <Table.Tr>
      <Table.Td w={180}>
        <When at={event.at} />
      </Table.Td>
      <Table.Td w={200}>{event.action}</Table.Td>
      <Table.Td>
        <Text size="xs" c="dimmed" lineClamp={1} title={JSON.stringify({ ...event.data, ...typed })}>
          {Object.entries({ ...event.data, ...typed })
            .filter(([, value]) => typeof value !== 'object')
            .map(([name, value]) => `${name} ${String(value)}`)
            .join(', ')}
        </Text>
      </Table.Td>
    </Table.Tr>
  );
}
