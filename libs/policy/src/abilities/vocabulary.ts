/** Everything that can be asked of the farm. `view` shows pixels in the console, `download` hands out the file itself. */
export const ACTIONS = [
  'read',
  'create',
  'grant',
  'revoke',
  'activate',
  'suspend',
  'decline',
  'hold',
  'lift',
  'upload',
  'view',
  'download',
  'cancel',
  'resume',
  'release',
  'register',
  'lease',
  'report',
] as const;
export type Action = (typeof ACTIONS)[number];

/** What it is asked of; the names of the data model where there is a table. */
export const SUBJECTS = [
  'Session',
  'Token',
  'User',
  'Project',
  'Membership',
  'Performer',
  'Consent',
  'Asset',
  'FaceTemplate',
  'Shot',
  'Task',
  'Delivery',
  'ModelPack',
  'Worker',
  'Lane',
  'Attempt',
  'AuditEvent',
  'AuditCheckpoint',
] as const;
export type SubjectName = (typeof SUBJECTS)[number];
