import { anywhere, type SubjectRules } from './grant.js';

/** A farm operator brings workers; approving one takes another person, who may be an org admin. */
export const workerRules: SubjectRules = (actor) => {
  const isOperator = actor.farmRoles.includes('farm_operator');
  return [
    ...(actor.kind === 'worker'
      ? [{ action: ['join' as const], subject: 'Worker' as const, conditions: { id: actor.id } }]
      : []),
    ...anywhere(isOperator, ['create', 'share', 'revoke'], 'Worker'),
    ...anywhere(isOperator || actor.farmRoles.includes('org_admin'), ['read', 'activate'], 'Worker'),
  ];
};
