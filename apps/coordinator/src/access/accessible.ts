import { accessibleBy } from '@casl/prisma/runtime';
import { UnderstudyError } from '@understudy/contracts';
import type { Prisma } from '@understudy/db';
import type { Action, ActorAbility, SubjectName } from '@understudy/policy';

type Model = SubjectName & Prisma.ModelName;
type Where<Name extends Model> = NonNullable<Prisma.TypeMap['model'][Name]['operations']['findFirst']['args']['where']>;

/**
 * The condition under which rows are the actor's to see or to act on; every query for rows bears it. A row that it
 * leaves out is a row that does not exist for the actor: NOT_FOUND.
 *
 * @throws UnderstudyError FORBIDDEN when no row at all could be: an empty condition must never reach a query
 */
export function accessibleTo<Name extends Model>(ability: ActorAbility, action: Action, name: Name): Where<Name> {
  if (ability.cannot(action, name)) throw new UnderstudyError('FORBIDDEN', 'Your roles do not allow this.');
  const records = accessibleBy(ability as unknown as Parameters<typeof accessibleBy>[0], action);
  return records.ofType(name) as Where<Name>;
}
