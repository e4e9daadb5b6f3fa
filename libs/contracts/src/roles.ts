import { z } from 'zod';

/** Roles of the whole farm. */
export const FARM_ROLES = ['org_admin', 'farm_operator'] as const;
/** Roles within one project. */
export const PROJECT_ROLES = ['producer', 'artist', 'consent_officer', 'compliance_auditor'] as const;
/** `worker` is a machine's role, never a person's. */
export const ROLES = [...FARM_ROLES, ...PROJECT_ROLES, 'performer', 'worker'] as const;

export const FarmRole = z.enum(FARM_ROLES);
export type FarmRole = z.infer<typeof FarmRole>;
export const ProjectRole = z.enum(PROJECT_ROLES);
export type ProjectRole = z.infer<typeof ProjectRole>;
export const Role = z.enum(ROLES);
export type Role = z.infer<typeof Role>;
