import type { SubjectRules } from './grant.js';

/** A performer has what bears their own performer's id, and nothing else on the farm. */
export const portalRules: SubjectRules = ({ performers = [] }) =>
  performers.length === 0
    ? []
    : [
        {
          action: ['read', 'view', 'revoke', 'sign', 'secure'],
          subject: 'Portal',
          conditions: { performerId: { in: [...performers] } },
        },
      ];
