import { randomUUID } from 'node:crypto';
import type { TestCoordinator, TestPerson } from './coordinator.js';

/** The performer of a consent, with an account of the portal. */
export async function performerOf(
  farm: TestCoordinator,
  consentId: string,
): Promise<{ performerId: string; person: TestPerson }> {
  const [row] = await farm.owner.query<{ performerId: string }>(
    'SELECT performer_id AS "performerId" FROM consents WHERE id = $1',
    [consentId],
  );
  const performerId = row?.performerId ?? '';
  const person = await farm.addUser();
  await farm.owner.query('INSERT INTO performer_accounts (performer_id, user_id, invited_by) VALUES ($1, $2, $3)', [
    performerId,
    person.id,
    randomUUID(),
  ]);
  return { performerId, person };
}
