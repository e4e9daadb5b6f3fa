import { PROJECT_ROLES } from '@understudy/contracts';
import { anywhere, projectsAs, type SubjectRules } from './grant.js';

/** A farm operator brings packs; approving them takes another person. Whoever works in a project sees what there is. */
export const modelPackRules: SubjectRules = (actor) => {
  const { farmRoles } = actor;
  const works = projectsAs(actor, PROJECT_ROLES).length > 0;
  return [
    ...anywhere(works || farmRoles.length > 0, ['read'], 'ModelPack'),
    ...anywhere(farmRoles.includes('farm_operator'), ['create'], 'ModelPack'),
    ...anywhere(farmRoles.includes('farm_operator') || farmRoles.includes('org_admin'), ['activate'], 'ModelPack'),
  ];
};
