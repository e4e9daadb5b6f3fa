import type { UnderstudyError } from '@understudy/contracts';

/** What the work was refused with. @throws Error when it was not */
export function refused(work: Promise<unknown>): Promise<UnderstudyError> {
  return work.then(
    () => {
      throw new Error('it was not refused');
    },
    (thrown: unknown) => thrown as UnderstudyError,
  );
}
