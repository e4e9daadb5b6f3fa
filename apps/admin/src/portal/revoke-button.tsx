import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { ProblemAlert } from '../shell/problem-alert.js';

const WORD = 'revoke';
const SHORTEST_REASON = 3;

/** Revoking cannot be taken back: the word is typed, not clicked. */
export function RevokeButton({ onConfirm }: { onConfirm: (reason: string) => Promise<unknown> }) {
  const [opened, { open, close }] = useDisclosure();
  const [word, setWord] = useState('');
  const [reason, setReason] = useState('');
  const act = useMutation({ mutationFn: () => onConfirm(reason.trim()), onSuccess: close });
  const isMeant = word.trim().toLowerCase() === WORD && reason.trim().length >= SHORTEST_REASON;
  return (
    <>
      <Button color="red" variant="light" onClick={open}>
        Revoke
      </Button>
      <Modal opened={opened} onClose={close} title="Revoke this consent">
        <Stack>
          <Text size="sm">
            For good. Work that is going on stops at once; what was made under this consent is locked now and deleted
            later. Files that were handed out before are out of this farm's reach.
          </Text>
          <Textarea
            label="Reason"
            description="Kept in the record; a few words are enough"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={2000}
            autosize
            minRows={2}
          />
          <TextInput
            label={`Type “${WORD}” to confirm`}
            value={word}
            onChange={(event) => setWord(event.currentTarget.value)}
            autoComplete="off"
          />
          {act.error !== null && <ProblemAlert error={act.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Back
            </Button>
            <Button color="red" disabled={!isMeant} loading={act.isPending} onClick={() => act.mutate()}>
              Revoke for good
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
