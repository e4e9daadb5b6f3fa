import { Button, type ButtonProps, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { ProblemAlert } from './problem-alert.js';

const SHORTEST_REASON = 3;

interface ReasonButtonProps extends ButtonProps {
  readonly label: string;
  /** What will happen, said before it does. */
  readonly consequence: string;
  readonly onConfirm: (reason: string) => Promise<unknown>;
  /** For what cannot be taken back: the word is typed, not clicked. */
  readonly wordToType?: string;
  readonly confirmLabel?: string;
}

/** An act that wants a reason, which the audit log keeps: asks for it, then does it. */
export function ReasonButton({
  label,
  consequence,
  onConfirm,
  wordToType,
  confirmLabel = 'Confirm',
  ...button
}: ReasonButtonProps) {
  const [opened, { open, close }] = useDisclosure();
  const [reason, setReason] = useState('');
  const [word, setWord] = useState('');
  const act = useMutation({
    mutationFn: () => onConfirm(reason.trim()),
    onSuccess: () => {
      setReason('');
      setWord('');
      close();
    },
  });
  const isMeant = wordToType === undefined || word.trim().toLowerCase() === wordToType;
  const isGiven = isMeant && reason.trim().length >= SHORTEST_REASON;
  return (
    <>
      <Button size="xs" variant="light" {...button} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={label}>
        <Stack>
          <Text size="sm">{consequence}</Text>
          <Textarea
            label="Reason"
            description="Kept in the audit log"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={2000}
            autosize
            minRows={2}
            data-autofocus
          />
          {wordToType !== undefined && (
            <TextInput
              label={`Type “${wordToType}” to confirm`}
              value={word}
              onChange={(event) => setWord(event.currentTarget.value)}
              autoComplete="off"
            />
          )}
          {act.error !== null && <ProblemAlert error={act.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Back
            </Button>
            <Button
              color={button.color ?? 'orange'}
              disabled={!isGiven}
              loading={act.isPending}
              onClick={() => act.mutate()}
            >
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
