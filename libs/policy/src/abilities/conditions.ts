/**
 * Conditions on a row, in the part of Prisma's filter language that JavaScript and SQL read alike: equality (with null
 * too), `in`, and `is` for one related row. NOT is left out on purpose: the two disagree about what it makes of NULL.
 */
export type ConditionValue = null | string | boolean | { readonly in: readonly string[] } | { readonly is: Conditions };
export interface Conditions {
  readonly [field: string]: ConditionValue;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Refuses what a query would silently read as "everything": an undefined value, an unknown operator, no field at all. */
export function checkConditions(conditions: Conditions): void {
  const fields = Object.entries(conditions);
  if (fields.length === 0) throw new TypeError('a condition without a field would match every row');
  for (const [field, value] of fields) checkValue(field, value);
}

function checkValue(field: string, value: unknown): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  const entries = isRecord(value) ? Object.entries(value) : [];
  const [operator, operand] = entries[0] ?? [];
  if (entries.length === 1 && operator === 'in' && Array.isArray(operand)) {
    if (operand.every((item) => typeof item === 'string')) return;
  }
  if (entries.length === 1 && operator === 'is' && isRecord(operand)) return checkConditions(operand as Conditions);
  throw new TypeError(`the condition on ${field} is not one that SQL and JavaScript read alike`);
}

function matchesValue(actual: unknown, wanted: ConditionValue): boolean {
  if (wanted === null || typeof wanted !== 'object') return actual === wanted;
  if ('in' in wanted) return typeof actual === 'string' && wanted.in.includes(actual);
  return isRecord(actual) && matchesConditions(wanted.is, actual);
}

/** Whether a row satisfies every condition; a field that the row lacks satisfies none. */
export function matchesConditions(conditions: Conditions, row: Record<string, unknown>): boolean {
  return Object.entries(conditions).every(([field, wanted]) => matchesValue(row[field], wanted));
}
