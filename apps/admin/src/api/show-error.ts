import { notifications } from '@mantine/notifications';
import { toUnderstudyError } from '@understudy/contracts';

/** Tells what went wrong with something a person asked for. */
export function showError(thrown: unknown): void {
  const { code, message } = toUnderstudyError(thrown);
  notifications.show({ color: 'red', title: code, message, autoClose: 10_000 });
}
