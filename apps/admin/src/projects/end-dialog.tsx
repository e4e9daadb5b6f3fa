import { Alert, Button, type ButtonProps, Group, List, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { ProblemAlert } from '../shell/problem-alert.js';

const SHORTEST_REASON = 3;

interface EndDialogProps extends ButtonProps {
  readonly label: string;
  readonly confirmLabel: string;
  /** The name to type. */
  readonly project: string;
  /** Of two people the first says why. */
  readonly asksReason: boolean;
  /** Before the warning: what one decides on. */
  readonly children?: ReactNode;
  /** When it happens. */
  readonly consequence: string;
  readonly onConfirm: (given: { project: string; reason: string }) => Promise<unknown>;
}

/** Says what is lost with a project's key, and has the project's name typed: nothing brings it back. */
export function EndDialog({
  label,
  confirmLabel,
  project,
  asksReason,
  children,
  consequence,
  onConfirm,
  ...button
}: EndDialogProps) {
  const [opened, { open, close }] = useDisclosure();
  const [name, setName] = useState('');
  const [reason, setReason] = useState('');
  const act = useMutation({
    mutationFn: () => onConfirm({ project: name.trim(), reason: reason.trim() }),
    onSuccess: () => dismiss(),
  });
  function dismiss(): void {
    setName('');
    setReason('');
    act.reset();
    close();
  }
  const isGiven = name.trim() === project && (!asksReason || reason.trim().length >= SHORTEST_REASON);
  return (
    <>
      <Button size="xs" variant="light" color="red" {...button} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={dismiss} title={`End ${project}`} size="lg">
        <Stack>
          {children}
          <WhatIsLost consequence={consequence} />
          {asksReason && (
            <Textarea
              label="Reason"
              description="Shown to who decides, and kept in the audit log"
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
              maxLength={2000}
              autosize
              minRows={2}
              data-autofocus
            />
          )}
          <TextInput
            label={`Type the project's name, “${project}”`}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
          />
          {act.error !== null && <ProblemAlert error={act.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={dismiss}>
              Back
            </Button>
            <Button color="red" disabled={!isGiven} loading={act.isPending} onClick={() => act.mutate()}>
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function WhatIsLost({ consequence }: { consequence: string }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title="The project's key is destroyed. Nothing brings it back.">
      <List size="sm" spacing={4}>
        <List.Item>Plates, images, segments, deliveries and pictures of faces can never be read again.</List.Item>
        <List.Item>Shots that are at work stop. Deliveries that were released are locked.</List.Item>
        <List.Item>The project takes nothing new, and its name stays taken.</List.Item>
        <List.Item>
          Consents and the audit log stay. Downloads that people took out before stay with them, and a copy of the
          farm&apos;s key folder would still open a copy of its media: destroy both yourselves.
        </List.Item>
      </List>
      <Text size="sm" fw={700} mt="sm">
        {consequence}
      </Text>
    </Alert>
  );
}
