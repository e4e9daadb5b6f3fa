import { Text, Tooltip } from '@mantine/core';

const formatter = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** An instant in the reader's own time; the exact one on hover. */
export function When({ at }: { at: string }) {
  return (
    <Tooltip label={at}>
      <Text component="time" dateTime={at} size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        {formatter.format(new Date(at))}
      </Text>
    </Tooltip>
  );
}
