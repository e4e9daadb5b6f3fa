import type { RouteName } from '@understudy/contracts';
import type { Action, SubjectName } from '@understudy/policy';

export interface Permission {
  readonly action: Action;
  readonly subject: SubjectName;
}

/** What a handler asks of whoever calls it. `public` handlers say so; a handler that says nothing does not start. */
export type Access = Permission | { readonly signedUrl: true } | { readonly public: true };

export const ACCESS = 'understudy:access';
export const ROUTE = 'understudy:route';

export interface HandledRoute {
  readonly name: RouteName;
}
