import { Button, type ButtonProps, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
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
}

/** An act that wants a reason, which the audit log keeps: asks for it, then does it. */
export function ReasonButton({ label, consequence, onConfirm, ...button }: ReasonButtonProps) {
  const [opened, { open, close }] = useDisclosure();
  const [reason, setReason] = useState('');
  const act = useMutation({
    mutationFn: () => onConfirm(reason.trim()),
    onSuccess: () => {
      setReason('');
      close();
    },
  });
  const isGiven = reason.trim().length >= SHORTEST_REASON;
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
              Confirm
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
