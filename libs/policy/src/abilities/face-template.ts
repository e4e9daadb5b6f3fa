import { inProjects, type SubjectRules } from './grant.js';

/** The row bears the project of its asset. */
export const faceTemplateRules: SubjectRules = (actor) => [
  ...inProjects(actor, ['producer', 'artist'], ['read', 'create'], 'FaceTemplate', (projects) => ({
    asset: { is: { projectId: projects } },
  })),
  ...inProjects(actor, ['compliance_auditor'], ['read'], 'FaceTemplate', (projects) => ({
    asset: { is: { projectId: projects } },
  })),
];
