import { Alert } from '@mantine/core';
import { toUnderstudyError } from '@understudy/contracts';

/** An error as a person reads it: its code, and what to do. */
export function ProblemAlert({ error }: { error: unknown }) {
  const { code, message } = toUnderstudyError(error);
  return (
    <Alert color="red" title={code} role="alert">
      {message}
    </Alert>
  );
}
