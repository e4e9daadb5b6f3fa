import { Text, Tooltip } from '@mantine/core';

const formatter = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** An instant in the reader's own time; the exact one on hover. Within a sentence it takes the sentence's size. */
export function When({ at, inline = false }: { at: string; inline?: boolean }) {
  return (
    <Tooltip label={at}>
      <Text component="time" dateTime={at} inherit={inline} size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        {formatter.format(new Date(at))}
      </Text>
    </Tooltip>
  );
}
